"""A scene: one client at a double, with prompts that run until the test releases them."""

import json
import uuid
from typing import Any

import requests

from tests.engines.comfyui_double import Double
from tests.engines.replay import EVENTS, EXCHANGES, Json, Listener, Subject, only_recorded_progress

CLIENT = "c7"


class Scene:
    """One client at a double that has cached the picture, as when the scenes were recorded."""

    def __init__(self, subject: Subject, double: Double, listener: Listener) -> None:
        self.subject, self.double = subject, double
        self._listener = listener
        self._blur = 30
        self._listener.until_end(self.post())

    def post(self, client_id: str | None = CLIENT, **more: Any) -> str:
        """Post a prompt LoadImage -> RMBG -> PreviewImage, different each time. Returns its id."""
        asked = EXCHANGES["queue_post_p2"]["request"]
        self._blur += 1
        prompt = json.loads(json.dumps(asked["body"]["prompt"]))
        prompt["2"]["inputs"]["mask_blur"] = self._blur
        body: Json = {"prompt": prompt, "prompt_id": str(uuid.uuid4()), **more}
        if client_id:
            body["client_id"] = client_id
        answer = self.subject.send({"request": {**asked, "body": body}})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["prompt_id"])

    def post_held(self, **more: Any) -> str:
        """Post a prompt that runs until `let_go`. Returns its id when it runs."""
        self.double.set_faults({"hold": True})
        before = len(self.double.inferences)
        prompt_id = self.post(**more)
        assert self.double.wait_until(lambda: len(self.double.inferences) > before)
        return prompt_id

    def let_go(self) -> None:
        self.double.set_faults({"hold": False})

    def replay(self, name: str, body: Json) -> None:
        """Send a recorded request with this scene's ids. The answer must be the recorded one."""
        asked, recorded = EXCHANGES[name]["request"], EXCHANGES[name]["response"]
        answer = self.subject.send({"request": {**asked, "body": body}})
        assert (answer.status_code, answer.text) == (recorded["status"], recorded["body"])

    def history(self, prompt_id: str) -> Json:
        return requests.get(f"{self.double.url}/history/{prompt_id}", timeout=60).json()

    def assert_heard(self, name: str, last: str) -> None:
        """The client must get all recorded events, up to the end of prompt `last`, with the same status counts."""
        heard = self._listener.until_end(last)
        recorded = [(kind, data) for kind, data in EVENTS[name]["frames"] if kind != "mark"]

        assert self.comparable(only_recorded_progress(heard)) == self.comparable(recorded)

    def comparable(self, frames: Json) -> Json:
        """Frames whose prompt ids are replaced by numbers, in order of appearance."""
        ids: dict[str, str] = {}
        named = [
            (kind, ids.setdefault(data["prompt_id"], f"prompt {len(ids) + 1}") if "prompt_id" in data else "", data)
            for kind, data in frames
        ]
        return self.subject.stripped(named)
