#!/bin/sh
# One adapting conversation with curl alone: ask, correct the reply, watch it learn, ask again.
# Meant are the last two. Which two is not said, and the model never practised the two operations together.
# Needs ROSA2_URL (http://127.0.0.1:8787) and ROSA2_KEY; `npm start` prints both.
set -eu

api() { # path, further options of curl
  path=$1
  shift
  curl -sS --fail-with-body "$ROSA2_URL/v1$path" -H "Authorization: Bearer $ROSA2_KEY" \
    -H "Content-Type: application/json" "$@"
}
id_of() { printf %s "$1" | grep -o '"id":"[^"]*"' | head -n 1 | cut -d '"' -f 4; }

session=$(id_of "$(api /sessions -d '{"adaptation":{"mode":"both"}}')")

# The same key with the same body gives the same answer: a retry never asks, adapts or pays twice.
asked=$(api "/sessions/$session/turns" -H "Idempotency-Key: first-$session" \
  -d '{"content":"Sort them, then take two, in brackets: 3 8 0 5"}')
echo "$asked"
turn=$(id_of "$asked")

# Events in order: words, weights, turn, delta …, done. -N shows them as they come.
api "/sessions/$session/turns/$turn/feedback" -N \
  -d '{"reward":-1,"text":"from the end","correction":"[5 8]","retry":true,"stream":true}'

# A stream that broke after event 1 goes on after it; without the header it is told from the beginning.
api "/sessions/$session/turns/$turn/events" -N -H "Last-Event-ID: 1"

# Another list, no feedback: read as the session learnt to read it, answered by the new generation: [7 9].
api "/sessions/$session/turns" \
  -d '{"content":"Sort them, then take two, in brackets: 4 7 1 9"}'
