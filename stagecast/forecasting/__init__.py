"""What the command line does around a forecast: files, baselines, Ctrl-C.

The simulator knows no file, no Git and no terminal; these modules do.
"""
