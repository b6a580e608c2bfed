"""What indoor air means for people and walls: comfort, the coldest surface, mould, and whether airing dries a room."""
