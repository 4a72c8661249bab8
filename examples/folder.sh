#!/bin/sh
# Reduces every picture of a folder to a few colors by k-means, into another folder.
set -eu

if [ $# -lt 2 ]; then
    echo "usage: $0 FOLDER OUTPUT_FOLDER [OPTION OF 'quantize kmeans']..." >&2
    exit 2
fi
from=$1
to=$2
shift 2

set -- "$@" --
found=no
for file in "$from"/*; do
    case $file in
    *.[pP][nN][gG] | *.[jJ][pP][gG] | *.[jJ][pP][eE][gG] | *.[wW][eE][bB][pP] | \
        *.[gG][iI][fF] | *.[bB][mM][pP] | *.[tT][iI][fF] | *.[tT][iI][fF][fF])
        set -- "$@" "$file"
        found=yes
        ;;
    esac
done
if [ "$found" = no ]; then
    echo "$0: no pictures in $from" >&2
    exit 1
fi

mkdir -p -- "$to"
exec "${QUANTIZE:-quantize}" kmeans --output="$to/" "$@"
