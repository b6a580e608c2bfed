"""What air means to people and walls: comfort, the coldest surface, mould, and whether airing dries."""
