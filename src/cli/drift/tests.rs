use super::*;
use serde_json::Value;

/// A folder of this test's own, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("llemulator-drift-{name}-{}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes it");
            std::fs::write(path, text).expect("writes");
        }
        Folder(root)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn drift(options: DriftOptions) -> (String, i32) {
    run(&options).expect("it can be read")
}

fn options() -> DriftOptions {
    DriftOptions { npm: None, pypi: None, cassettes: None, json: false }
}

const CALLS: &str = r#"
// export interface NotThis { a: string }
export class Files extends APIResource {
  create(body: FileCreateParams, options?: RequestOptions) {
    return this._client.post('/files', multipart({ body, ...options }, this._client));
  }
  retrieve(fileID: string) { return this._client.get(path`/files/${fileID}`, options); }
  translate(fileID: string) { return this._client.post(path`/files/${fileID}/translate`, { ...options }); }
}
/** A file; its `purpose` is why. */
export interface FileCreateParams {
  file: Uploadable;
  /** 'not' | 'these' */
  purpose: 'assistants' | 'batch' | 'telepathy';
  expires_after?: FileCreateParams.ExpiresAfter;
  colour?: string;
}
export namespace FileCreateParams {
  export interface ExpiresAfter { anchor: 'created_at'; seconds: number }
}
export interface FileObject extends Based { id: string; smell: string; created_at: string | null; status: 'uploaded' }
export interface Based { bytes: number }
"#;

const UNION: &str = "export type AssistantTool = CodeInterpreterTool | TelepathyTool;";

#[test]
fn a_newer_npm_package_breaks_where_it_sends_more() {
    let folder = Folder::new(
        "npm",
        &[
            ("node_modules/openai/package.json", r#"{"version": "900.1.0"}"#),
            ("node_modules/openai/resources/x.js", ""),
            ("node_modules/openai/src/resources/files.ts", CALLS),
            ("node_modules/openai/src/resources/beta/assistants.ts", UNION),
        ],
    );
    let (text, code) = drift(DriftOptions { npm: Some(folder.0.clone()), ..options() });
    assert_eq!(code, 4, "{text}");
    for expected in [
        "Compared with npm 900.1.0.",
        "+ POST /files/{}/translate: a call that is not known here",
        "+ FileCreateParams.purpose: the value \"telepathy\"",
        "+ FileCreateParams.colour: a field that is not known here",
        "+ FileObject.smell: a field that is not known here",
        "+ AssistantTool: the kind TelepathyTool",
        "~ FileObject.created_at: a number here, and a text there",
        "- FileObject.status: the value \"processed\"",
        "- POST /batches: batches.create, which this client cannot call",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    for not in [
        "CodeInterpreterTool",
        "GET /files/{}: a call",
        "NotThis",
        "the value \"assistants\"",
        "the value \"not\"",
        "FileObject.bytes: a",
    ] {
        assert!(!text.contains(not), "{not}: {text}");
    }
    let errors = text.split("\nWarnings").next().expect("a tier");
    assert!(errors.contains("colour") && !errors.contains("smell"), "{text}");
}

const PYTHON: (&str, &str, &str) = (
    r#"
class Beside(TypedDict, total=False):
    nobody: str


class FileCreateParams(TypedDict, total=False):
    file: Required[FileTypes]
    """The File object."""

    purpose: Required[FilePurpose]
    mood: Literal["good", "bad"]
"#,
    r#"
class FileObject(BaseModel):
    """A file.

    Note: this is no field.
    """

    id: str
    bytes: Optional[str] = None
    filename: Union[List[Dict[str, Optional[object]]], Dict[str, Optional[object]], str]
    purpose: Annotated[Union[str, FilePurpose, None], PropertyInfo(alias="purpose")] = None

    status: Literal["uploaded", "processed", "error", "eaten"]
    """Deprecated."""

    object_: Literal["file"] = FieldInfo(
        alias="object", default=None
    )
"#,
    r#"
FilePurpose: TypeAlias = Literal["assistants", "batch", "telepathy"]
"#,
);

#[test]
fn a_python_package_is_read_by_its_classes() {
    let call = "    return self._post(\n        path_template(\"/files/{file_id}/eat\", file_id=file_id),\n    )\n    return self._get(\"/files\")\n";
    let folder = Folder::new(
        "pypi",
        &[
            ("openai/_version.py", "__title__ = \"openai\"\n__version__ = \"900.0.1\"\n"),
            ("openai/types/file_create_params.py", PYTHON.0),
            ("openai/types/file_object.py", PYTHON.1),
            ("openai/types/file_purpose.py", PYTHON.2),
            ("openai/resources/files.py", call),
        ],
    );
    let (text, code) = drift(DriftOptions { pypi: Some(folder.0.clone()), json: true, ..options() });
    assert_eq!(code, 4, "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["compared"], json!(["pypi 900.0.1"]));
    let places: Vec<&str> =
        report["differences"].as_array().expect("a list").iter().filter_map(|one| one["place"].as_str()).collect();
    for expected in ["POST /files/{}/eat", "FileCreateParams.mood", "FileObject.status", "FilePurpose"] {
        assert!(places.contains(&expected), "{expected}: {places:?}");
    }
    let changed =
        report["differences"].as_array().expect("a list").iter().find(|one| one["place"] == "FileObject.bytes");
    assert_eq!(changed.map(|one| &one["change"]), Some(&json!("changed")), "{changed:?}");
    // A field is optional by itself, whatever it holds.
    let differs = |place: &str, what: &str| {
        let same = |one: &Value| one["place"] == place && one["what"] == what;
        report["differences"].as_array().expect("a list").iter().any(same)
    };
    assert!(differs("FileObject.purpose", "required here, and optional there"), "{text}");
    assert!(!differs("FileObject.filename", "required here, and optional there"), "{text}");
    for not in ["GET /files", "FileObject.id", "FileObject.filename", "FileObject.object_", "FileObject.Note", "Beside"]
    {
        assert!(!places.contains(&not), "{not}: {places:?}");
    }
}

#[test]
fn recordings_break_where_what_production_took_is_refused() {
    let lines = [
        r#"{"cassette": 1, "by": "x"}"#,
        r#"{"request": {"method": "POST", "path": "/v1/chat/completions", "body": {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "telepathy": true}}, "response": {"status": 200, "body": {"id": "a", "object": "chat.completion", "aura": 1}}}"#,
        r#"{"request": {"method": "POST", "path": "/v1/telepathy", "body": {}}, "response": {"status": 200, "body": {}}}"#,
        r#"{"request": {"method": "GET", "path": "/v1/files/file-1", "body": null}, "response": {"status": 200, "chunks": [[0, "{\"id\": \"file-1\","], [2, "\"taste\": 1}"]]}}"#,
        r#"{"request": {"method": "POST", "path": "/v1/telepathy", "body": {}}, "response": {"status": 404, "body": {}}}"#,
        r#"{"request": {"method": "POST", "path": "/v1/completions", "body": {"model": "gpt-3.5-turbo-instruct", "prompt": "x"}}, "response": {"status": 200, "sse": [{"data": {"id": "a", "system_fingerprint": null}}, {"data": "[DONE]"}]}}"#,
    ];
    let folder = Folder::new("recordings", &[("a/b.jsonl", &lines.join("\n"))]);
    let (text, code) = drift(DriftOptions { cassettes: Some(folder.0.clone()), ..options() });
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("Compared with 5 recordings."), "{text}");
    for expected in ["Unknown parameter: 'telepathy'", "POST /v1/telepathy is not known here", ".aura", ".taste"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(text.matches("/v1/telepathy").count(), 1, "{text}");
    // What is null is not there, and the end of a stream is no event.
    assert!(!text.contains("completions.Completion") && !text.contains("fingerprint"), "{text}");
    let folder = Folder::new("again", &[("b.jsonl", &[lines[1], lines[1]].join("\n"))]);
    let (text, _) = drift(DriftOptions { cassettes: Some(folder.0.clone()), ..options() });
    assert!(text.contains(".aura is a field that nobody knows any more (and 1 more)"), "{text}");
}

#[test]
fn what_is_not_there_is_said() {
    let nowhere = Some(std::env::temp_dir().join("llemulator-no-such-folder"));
    assert!(run(&options()).unwrap_err().contains("--npm DIR"));
    assert!(run(&DriftOptions { npm: nowhere.clone(), ..options() }).unwrap_err().contains("no package openai here"));
    assert!(run(&DriftOptions { pypi: nowhere.clone(), ..options() }).unwrap_err().contains("no package openai here"));
    assert!(run(&DriftOptions { cassettes: nowhere, ..options() }).is_err());
}
