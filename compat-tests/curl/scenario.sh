#!/usr/bin/env bash
# The REST API by curl alone, against the server at MLFLOW_TRACKING_URI, beyond what the README shows. Prints TAP.
set -euo pipefail

: "${MLFLOW_TRACKING_URI:?is not set}"
api=$MLFLOW_TRACKING_URI/api/2.0/mlflow
files=$MLFLOW_TRACKING_URI/api/2.0/mlflow-artifacts/artifacts
json='content-type: application/json'
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
number=0
failed=0
name=curl-$$-$RANDOM

# call CURL-ARGUMENTS…: sends a request; `status`, `body` and `headers` hold the answer.
call() {
  status=$(curl -sS --max-time 30 -D "$scratch/headers" -o "$scratch/body" -w '%{http_code}' "$@")
  # Bash holds no NUL.
  body=$(tr -d '\0' <"$scratch/body")
  headers=$(tr -d '\r' <"$scratch/headers")
}

# post PATH BODY [CURL-ARGUMENTS…]
post() { call "$api/$1" -H "$json" -d "$2" "${@:3}"; }
# get PATH [NAME=VALUE…]
get() {
  local query=()
  for pair in "${@:2}"; do query+=(--data-urlencode "$pair"); done
  call -G "$api/$1" "${query[@]}"
}

# answers STATUS PATTERN TITLE: the last answer has this status, and the pattern is found in its body.
answers() {
  number=$((number + 1))
  if [[ $status == "$1" && $body =~ $2 ]]; then
    echo "ok $number - $3"
  else
    failed=$((failed + 1))
    printf 'not ok %d - %s\n  wanted: %s %s\n  got: %s %.500s\n' "$number" "$3" "$1" "$2" "$status" "$body"
  fi
}

# has PATTERN TITLE: the pattern is found in the headers of the last answer.
has() {
  number=$((number + 1))
  if grep -qiE "$1" <<<"$headers"; then
    echo "ok $number - $2"
  else
    failed=$((failed + 1))
    printf 'not ok %d - %s\n  wanted: %s\n  got: %s\n' "$number" "$2" "$1" "$headers"
  fi
}

# value NAME: the text of the first field of this name in the last body.
value() { grep -oE "\"$1\" ?: ?\"[^\"]*\"" "$scratch/body" | head -1 | sed -E 's/.*: ?"(.*)"/\1/'; }

# ── A model and its versions ──────────────────────────────────────────────────────────────────────────────────────
post registered-models/create "{\"name\": \"$name\", \"tags\": [{\"key\": \"team\", \"value\": \"größer\"}]}"
answers 200 "\"name\":\"$name\"" 'a model is created'
has '^content-type: application/json' 'an answer is JSON'
has '^x-request-id: [0-9a-f-]{36}' 'an answer has an id'
post registered-models/create "{\"name\": \"$name\"}"
answers 400 '"error_code":"RESOURCE_ALREADY_EXISTS"' 'a name is given once'
for version in 1 2 3 4 5; do
  post model-versions/create "{\"name\": \"$name\", \"source\": \"s3://models/$version\"}"
  answers 200 "\"version\":\"$version\"" "version $version is created"
done
for version in 1 2; do
  post model-versions/transition-stage \
    "{\"name\": \"$name\", \"version\": \"$version\", \"stage\": \"production\", \"archive_existing_versions\": true}"
  answers 200 '"current_stage":"Production"' "version $version goes to Production"
done
get model-versions/get "name=$name" version=1
answers 200 '"current_stage":"Archived"' 'the version before is archived'
get registered-models/get-latest-versions "name=$name" stages=Production stages=None
answers 200 '"version":"[25]".*"version":"[25]"' 'the latest of two stages, by GET'
post model-versions/transition-stage "{\"name\": \"$name\", \"version\": \"1\", \"stage\": \"Nowhere\"}"
answers 400 'Invalid Model Version stage: Nowhere' 'a stage that there is not'

# ── Search, page by page ──────────────────────────────────────────────────────────────────────────────────────────
pages=0
found=
token=
while
  get model-versions/search "filter=name = '$name'" 'order_by=version_number ASC' max_results=2 "page_token=$token"
  found+=$(grep -oE '"version":"[0-9]+"' "$scratch/body" | tr -dc '0-9')
  token=$(value next_page_token || true)
  pages=$((pages + 1))
  [[ -n $token && $pages -lt 9 ]]
do :; done
status=$pages body=$found answers 3 '^12345$' 'three pages hold every version once, in order'
get model-versions/search "filter=name = '$name'" max_results=2
token=$(value next_page_token)
get model-versions/search "filter=name = 'another'" max_results=2 "page_token=$token"
answers 400 '"error_code":"INVALID_PARAMETER_VALUE"' 'a token belongs to its search'
get model-versions/search max_results=2 page_token=nonsense
answers 400 'Invalid page token, could not base64-decode' 'a token that is none'
get registered-models/search "filter=name ILIKE '${name^^}' AND tags.team = 'größer'"
answers 200 "\"name\":\"$name\"" 'a model is found by its tag'
get registered-models/search 'filter=name ~ 1'
answers 400 '"error_code":"INVALID_PARAMETER_VALUE"' 'a filter that is none'

# ── What a request may look like ──────────────────────────────────────────────────────────────────────────────────
call "$MLFLOW_TRACKING_URI/ajax-api/2.0/mlflow/registered-models/get?name=$name"
answers 200 "\"name\":\"$name\"" 'the path of the web UI'
call -I "$MLFLOW_TRACKING_URI/version"
answers 200 '^HTTP/1.1 200 OK' 'HEAD is answered where GET is'
call -X PUT "$api/registered-models/get?name=$name"
answers 405 'Method Not Allowed' 'a wrong verb'
has '^allow: .*GET' 'a wrong verb is told the right ones'
call "$api/no-such-path"
answers 404 '404 Not Found' 'a path that there is not'
post registered-models/create '{"name": '
answers 400 "Missing value for required parameter 'name'" 'JSON that breaks off'
post registered-models/create '["name"]'
answers 400 'must be a JSON object' 'JSON that is no object'
post model-versions/transition-stage "{\"name\": \"$name\", \"version\": 1, \"stage\": \"Staging\"}"
answers 400 "Invalid value 1 for parameter 'version' supplied" 'a number where text belongs'
post registered-models/create '{}'
answers 400 '"error_code":"INVALID_PARAMETER_VALUE","message":"Missing value' 'JSON without the name'
post registered-models/create "\"{\\\"name\\\": \\\"$name-twice\\\"}\""
answers 200 "\"name\":\"$name-twice\"" 'JSON that is encoded twice'
call "$api/registered-models/create" -H 'content-type: text/plain' -d "{\"name\": \"$name-text\"}"
answers 400 'Content-Type must be one of' 'a body of another type'
printf '{"name": "%s"}' "$name-latin" | sed 's/latin/l\xe4tin/' >"$scratch/latin1"
call "$api/registered-models/create" -H "$json" --data-binary "@$scratch/latin1"
answers 400 "Missing value for required parameter 'name'" 'bytes that are no UTF-8'
call -X DELETE "$api/registered-models/delete?name=$name"
answers 400 "Missing value for required parameter 'name'" 'only GET reads the query'
head -c 33600000 /dev/zero >"$scratch/large"
call "$api/registered-models/create" -H "$json" -H 'expect:' --data-binary "@$scratch/large"
answers 400 '"error_code":"INVALID_PARAMETER_VALUE"' 'a body over 32 MiB'
call "$api/registered-models/get?name=$name" -H 'host: elsewhere.example'
answers 403 'Invalid Host header' 'another host, which DNS may have led here'
call "$api/registered-models/get?name=$name" -H 'accept-encoding: gzip' --compressed
answers 200 "\"name\":\"$name\"" 'a client that takes compressed answers'

# ── A run and its files ───────────────────────────────────────────────────────────────────────────────────────────
post runs/create '{"experiment_id": "0", "tags": [{"key": "a", "value": "1"}]}'
answers 200 '"status":"RUNNING"' 'a run begins'
run=$(value run_id)
uri=$(value artifact_uri)
folder=${uri#mlflow-artifacts:}
post runs/log-metric "{\"run_id\": \"$run\", \"key\": \"auc\", \"value\": \"NaN\", \"timestamp\": \"1700000000000\"}"
answers 200 '^\{\}$' 'NaN and 64 bits travel as text'
get metrics/get-history "run_id=$run" metric_key=auc
answers 200 '"value" ?: ?"NaN", ?"timestamp" ?: ?1700000000000' 'NaN comes back as text, 64 bits as a number'
head -c 3000000 /dev/urandom >"$scratch/weights"
call -T "$scratch/weights" "$files$folder/model/weights%20%231.bin"
answers 400 'Invalid path' 'a name that a URI cannot hold'
call -T "$scratch/weights" "$files$folder/model/weights%20%C3%BC.bin"
answers 200 '^$' 'a file is sent'
call -T - -H 'expect:' "$files$folder/model/piped.txt" <<<"A file whose length is not told before"
answers 200 '^$' 'a file is sent in pieces'
get artifacts/list "run_id=$run" path=model
answers 200 '"path":"model/piped.txt".*"path":"model/weights ü.bin","is_dir":false,"file_size":3000000' 'the files are listed'
call "$files$folder/model/weights%20%C3%BC.bin"
cmp -s "$scratch/weights" "$scratch/body" && body=same || body=other
answers 200 '^same$' 'a file comes back byte by byte'
has '^content-length: 3000000$' 'a file tells its length'
call -I "$files$folder/model/piped.txt"
has '^content-type: text/plain' 'HEAD tells the type of a file'
call -G "$MLFLOW_TRACKING_URI/get-artifact" -d "run_id=$run" -d path=model/piped.txt
answers 200 '^A file whose' 'a file is downloaded as the web UI does'
has '^content-disposition: attachment' 'a file is saved, not shown'
call --path-as-is "$files/../../../../etc/passwd"
answers 400 'Invalid path' 'a path that leads out'
call "$files$folder/model/missing"
answers 404 'No such artifact' 'a file that there is not'
call -X DELETE "$files$folder/model/piped.txt"
answers 200 '^\{\}$' 'a file is deleted'
call "$files$folder/model/piped.txt"
answers 404 'No such artifact' 'a deleted file is gone'
post runs/update "{\"run_id\": \"$run\", \"status\": \"FINISHED\", \"end_time\": 1700000060000}"
answers 200 '"end_time":1700000060000' 'a run ends'

# ── The end ───────────────────────────────────────────────────────────────────────────────────────────────────────
for model in "$name" "$name-twice"; do
  call -X DELETE "$api/registered-models/delete" -H "$json" -d "{\"name\": \"$model\"}"
  answers 200 '^\{\}$' "$model is deleted"
done
get registered-models/get "name=$name"
answers 404 "Registered Model with name=$name not found" 'a deleted model is gone'
echo "1..$number"
[[ $failed == 0 ]]
