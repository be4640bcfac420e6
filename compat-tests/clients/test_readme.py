"""The README's section "The registry in plain curl", word for word."""

import json
import os
import re
import subprocess
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def answers(text):
    """The JSON values that stand one behind the other."""
    decoder, values, position = json.JSONDecoder(), [], 0
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        values.append(value)
        position += len(re.match(r"\s*", text[position:])[0])
    return values


def test_the_registry_in_plain_curl(unique):
    (script,) = re.findall(r"<!-- curl -->\n```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    # A name of this session's own, as the server may be one that people use.
    script = script.replace("churn", unique("churn"))
    done = subprocess.run(["bash", "-e"], input=script, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    got = answers(done.stdout)
    assert len(got) == script.count("\ncurl ")

    versions = [answer["model_version"] for answer in got if "model_version" in answer]
    assert [version["version"] for version in versions[:2]] == ["1", "2"]
    assert {"artifact_uri": "s3://models/" + unique("churn") + "/2"} in got
    found = [answer for answer in got if "model_versions" in answer]
    assert [[version["version"] for version in answer["model_versions"]] for answer in found] == [["2"], ["2"]]
    assert found[0]["model_versions"][0]["current_stage"] == "Production"
    (models,) = [answer["registered_models"] for answer in got if "registered_models" in answer]
    assert unique("churn") in [model["name"] for model in models]
    assert [answer for answer in got[-2:]] == [{}, {}]
