"""The query API and its page: a house as JSON, to who has its token. It reads, and changes nothing."""
