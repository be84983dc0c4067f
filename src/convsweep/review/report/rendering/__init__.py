"""From the parts of a page to HTML and Markdown."""
