"""JSON files: read strictly, edited without touching any other byte."""
