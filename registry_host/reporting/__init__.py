"""Reports, rendered as text for people or as JSON for programs."""
