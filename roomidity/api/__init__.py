"""The query API and its web page. It gives a house's data as JSON to holders of its token, and changes nothing."""
