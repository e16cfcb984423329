#!/bin/sh
# Runs what the host sends over the serial line, a command a line, and answers with its output, a
# record separator and its exit status. The last program of a guest.
stty raw -echo
printf '\036ready\n'
while read -r line; do
    eval "$line" </dev/null 2>&1
    printf '\036%d\n' $?
done
