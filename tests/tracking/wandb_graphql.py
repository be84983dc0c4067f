"""State of a fake W&B server, and its answers to the GraphQL operations of wandb 0.31."""

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
ENTITY = "local"


@dataclass
class ServedRun:
    """What the server was told about one run."""

    id: str
    project: str = "uncategorized"
    display_name: str | None = None
    group: str | None = None
    job_type: str | None = None
    tags: list[str] = field(default_factory=list)
    raw_config: Json = field(default_factory=dict)
    history: list[Json] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    output: list[str] = field(default_factory=list)
    summary: Json = field(default_factory=dict)
    exit_code: int | None = None

    @property
    def state(self) -> str:
        """The state as W&B's site words it."""
        if self.exit_code is None:
            return "running"
        return {0: "finished", 255: "killed"}.get(self.exit_code, "failed")

    @property
    def config(self) -> Json:
        """The config without wandb's own entries."""
        return {key: entry["value"] for key, entry in self.raw_config.items() if key != "_wandb"}

    def values(self, metric: str) -> list[Any]:
        """Return the history of one metric, oldest first."""
        return [row[metric] for row in self.history if metric in row]

    def as_bucket(self) -> Json:
        """Return the run as GraphQL's type `Run`, of which W&B's own word is bucket."""
        return {
            "id": _graphql_id("Run", self.id),
            "name": self.id,
            "displayName": self.display_name or self.id,
            "config": json.dumps(self.raw_config),
            "project": {
                "id": _graphql_id("Project", self.project),
                "name": self.project,
                "entity": {"id": "e", "name": ENTITY},
            },
            "historyLineCount": len(self.history),
            "eventsLineCount": len(self.events),
            "logLineCount": len(self.output),
            "historyTail": json.dumps([json.dumps(row) for row in self.history[-1:]]),
            "eventsTail": json.dumps([json.dumps(row) for row in self.events[-1:]]),
            "summaryMetrics": json.dumps(self.summary),
            "tags": self.tags,
            "wandbConfig": json.dumps({"t": 1}),
            "stopped": False,
            "state": self.state,
        }


@dataclass
class ServedArtifact:
    """What the server was told about one artifact."""

    name: str
    type: str
    aliases: list[str]
    is_committed: bool = False


class WandbBook:
    """The memory after a server: what clients said, and what they are answered."""

    def __init__(self, upload_url: Callable[[str], str]) -> None:
        self.upload_url = upload_url
        self.lock = threading.RLock()
        self.runs: dict[str, ServedRun] = {}
        self.artifacts: dict[str, ServedArtifact] = {}
        self.views: dict[str, Json] = {}
        self.operations: list[str] = []
        self.unknown_operations: list[str] = []
        self._answers: dict[str, Callable[[Json], Json]] = {
            "UpsertBucket": self._upsert_bucket,
            "RunResumeStatus": self._run_resume_status,
            "Viewer": self._viewer,
            "ServerFeaturesQuery": self._server_features_query,
            "ServerInfo": self._server_info,
            "OrgFeatureFlags": self._org_feature_flags,
            "OrganizationCoreWeaveOrganizationID": self._organization_id,
            "ClientIDMapping": self._client_id_mapping,
            "RunStoppedStatus": self._run_stopped_status,
            "CreateRunFiles": self._create_run_files,
            "MarkRunFilesUploaded": self._mark_run_files_uploaded,
            "ArtifactType": self._artifact_type,
            "CreateArtifact": self._create_artifact,
            "CreateArtifactManifest": self._create_artifact_manifest,
            "UpdateArtifactManifest": self._update_artifact_manifest,
            "CreateArtifactFiles": self._create_artifact_files,
            "CommitArtifact": self._commit_artifact,
            "UpsertView2": self._upsert_view,
        }

    def answer(self, operation: str, variables: Json) -> Json | None:
        """Return the data of a GraphQL operation, or None for one that is not known."""
        self.operations.append(operation)
        if operation not in self._answers:
            self.unknown_operations.append(operation)
            return None
        return self._answers[operation]({**(variables.get("input") or {}), **variables})

    def stream(self, run_id: str, chunk: Json) -> None:
        """Take in a chunk of a run's file stream."""
        run = self.runs[run_id]
        rows = {"wandb-history.jsonl": run.history, "wandb-events.jsonl": run.events}
        for name, part in (chunk.get("files") or {}).items():
            if name in rows:
                rows[name][part["offset"] :] = [json.loads(line) for line in part["content"]]
            elif name == "wandb-summary.json":
                run.summary = json.loads(part["content"][-1])
            elif name == "output.log":
                run.output += part["content"]
        if chunk.get("complete"):
            run.exit_code = chunk.get("exitcode")

    def _upsert_bucket(self, given: Json) -> Json:
        run_id = given.get("name") or base64.b64decode(given["id"]).decode().rsplit(":", 1)[-1]
        is_new = run_id not in self.runs
        run = self.runs.setdefault(run_id, ServedRun(run_id))
        run.project = given.get("project") or run.project
        run.display_name = given.get("displayName") or run.display_name
        run.group = given.get("groupName") or run.group
        run.job_type = given.get("jobType") or run.job_type
        run.tags = given.get("tags") or run.tags
        if given.get("config"):
            run.raw_config = json.loads(given["config"])
        run.exit_code = None
        return {"upsertBucket": {"bucket": run.as_bucket(), "inserted": is_new}}

    def _run_resume_status(self, given: Json) -> Json:
        run = self.runs.get(given["name"])
        project = {"id": _graphql_id("Project", given["project"]), "name": given["project"]}
        return {
            "model": {
                **project,
                "entity": {"id": "e", "name": ENTITY},
                "bucket": run and run.as_bucket(),
            }
        }

    def _viewer(self, given: Json) -> Json:
        viewer = {
            "id": "u",
            "entity": ENTITY,
            "username": ENTITY,
            "email": "",
            "flags": "{}",
            "teams": {"edges": []},
        }
        return {"viewer": viewer}

    def _server_features_query(self, given: Json) -> Json:
        return {"serverInfo": {"features": []}}

    def _server_info(self, given: Json) -> Json:
        versions = {"max_cli_version": "9.9.9", "min_cli_version": "0.0.1"}
        return {"serverInfo": {"cliVersionInfo": versions, "latestLocalVersionInfo": None}}

    def _org_feature_flags(self, given: Json) -> Json:
        return {"organization": {"featureFlags": []}}

    def _organization_id(self, given: Json) -> Json:
        return {"entity": None}

    def _client_id_mapping(self, given: Json) -> Json:
        return {"clientIDMapping": None}

    def _run_stopped_status(self, given: Json) -> Json:
        return {"project": {"run": {"stopped": False}}}

    def _create_run_files(self, given: Json) -> Json:
        files = [
            {"name": name, "uploadUrl": self.upload_url(f"{given['run']}/{name}")}
            for name in given["files"]
        ]
        return {
            "createRunFiles": {
                "runID": _graphql_id("Run", given["run"]),
                "uploadHeaders": [],
                "files": files,
            }
        }

    def _mark_run_files_uploaded(self, given: Json) -> Json:
        return {"markRunFilesUploaded": {"success": True}}

    def _artifact_type(self, given: Json) -> Json:
        return {"project": {"artifact": None}}

    def _create_artifact(self, given: Json) -> Json:
        names = given.get("artifactCollectionNames") or [given.get("artifactCollectionName") or ""]
        aliases = [entry.get("alias", "") for entry in given.get("aliases") or []]
        artifact_id = _graphql_id("Artifact", str(len(self.artifacts)))
        self.artifacts[artifact_id] = ServedArtifact(names[0], given["artifactTypeName"], aliases)
        artifact = {
            "id": artifact_id,
            "state": "PENDING",
            "artifactSequence": {"latestArtifact": None},
        }
        return {"createArtifact": {"artifact": artifact}}

    def _create_artifact_manifest(self, given: Json) -> Json:
        file = {
            "id": "f",
            "uploadUrl": self.upload_url(f"manifests/{given['name']}"),
            "uploadHeaders": [],
        }
        return {"createArtifactManifest": {"artifactManifest": {"id": "m", "file": file}}}

    def _update_artifact_manifest(self, given: Json) -> Json:
        file = {"id": "f", "uploadUrl": self.upload_url("manifests/updated"), "uploadHeaders": []}
        return {
            "updateArtifactManifest": {
                "artifactManifest": {"id": given.get("artifactManifestID"), "file": file}
            }
        }

    def _create_artifact_files(self, given: Json) -> Json:
        nodes = [
            {
                "storagePath": file["name"],
                "uploadUrl": self.upload_url(f"artifacts/{file['name']}"),
                "uploadHeaders": [],
                "uploadMultipartUrls": None,
                "artifact": {"id": file.get("artifactID") or ""},
            }
            for file in given["artifactFiles"]
        ]
        return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}

    def _commit_artifact(self, given: Json) -> Json:
        self.artifacts[given["artifactID"]].is_committed = True
        return {"commitArtifact": {"artifact": {"id": given["artifactID"], "digest": ""}}}

    def _upsert_view(self, given: Json) -> Json:
        self.views[given["displayName"]] = {**given, "spec": json.loads(given["spec"])}
        return {
            "upsertView": {
                "view": {"id": _graphql_id("View", given["name"]), "name": given["name"]},
                "inserted": True,
            }
        }


def _graphql_id(kind: str, name: str) -> str:
    return base64.b64encode(f"{kind}:v1:{name}".encode()).decode()
