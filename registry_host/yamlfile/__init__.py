"""YAML as the registry reads it, and edits that keep every other byte."""
