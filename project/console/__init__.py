"""The console: a page that shows everything live, in a browser."""
