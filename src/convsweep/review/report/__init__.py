"""What a sweep, a run or a folder of runs has shown, as one page of HTML and one of Markdown."""
