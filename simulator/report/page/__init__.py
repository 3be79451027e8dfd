"""Parts of the HTML report: markup, charts, the Gantt, tables, and the data behind each."""
