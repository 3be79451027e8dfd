#!/bin/sh
# Makes the site in the folder $1 from catalogue.csv (sku,name,cents), style.css and status.sh.
set -eu
site=$1
mkdir -p "$site/cgi-bin"

awk -F, -v title="$SITE_TITLE" '
    function escape(text) {
        gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
        return text
    }
    BEGIN {
        print "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">"
        print "<title>" escape(title) "</title>\n<link rel=\"stylesheet\" href=\"style.css\">"
        print "<h1>" escape(title) "</h1>\n<table>"
    }
    NR > 1 {
        if (NF != 3 || $3 !~ /^[0-9]+$/) { print "catalogue.csv:" NR ": not sku,name,cents" > "/dev/stderr"; exit 1 }
        printf "<tr id=\"%s\"><td>%s<td class=\"price\">%d.%02d\n", escape($1), escape($2), $3 / 100, $3 % 100
    }
    END { print "</table>\n<p><a href=\"cgi-bin/status\">status</a>" }
' catalogue.csv >"$site/index.html"

cp style.css "$site/style.css"
cp status.sh "$site/cgi-bin/status"
chmod 755 "$site/cgi-bin/status"
echo ok >"$site/healthz"
