"""Writers of output languages: from plain values to text, one module per language.

They know nothing of plans, files or targets.
"""

# Levels of nesting that a writer accepts. A document has at most 100 (compiler.document), the
# rest is room for what a back end puts around it; far below Python's own limit on recursion.
MAX_DEPTH = 200
