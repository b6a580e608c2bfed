"""Parts of scripts/closed-loop: the houses, the policies, what they are given to know, and what is counted."""
