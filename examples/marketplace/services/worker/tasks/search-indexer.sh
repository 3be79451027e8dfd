#!/bin/sh
# Hands every product to the search engine.
set -eu
. /services/lib/log.sh
products=$(wget -q -O - "http://$CATALOG_HOST:$CATALOG_PORT/cgi-bin/v1/products")
wget -q -O - --header "Authorization: Bearer $SEARCH_KEY" --header 'Content-Type: application/json' \
    --post-data "$products" "http://$SEARCH_HOST:$SEARCH_PORT/indexes/products/documents" >/dev/null
log info "indexed $(printf '%s\n' "$products" | grep -c '"sku"') products"
