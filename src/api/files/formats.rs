//! Which files a purpose takes, by their names: what production was seen to refuse, in its words. Nothing was seen
//! refused for `evals`, `user_data` and `vision`, nor a name without an ending.

use crate::wire::error::ApiError;

/// What `assistants` takes, in the order that production lists it in; by upper and lower case.
const ASSISTANTS: [&str; 30] = [
    "c", "cpp", "css", "csv", "doc", "docx", "gif", "go", "html", "java", "jpeg", "jpg", "js", "json", "md", "pdf",
    "php", "pkl", "png", "pptx", "py", "rb", "tar", "tex", "ts", "txt", "webp", "xlsx", "xml", "zip",
];

/// What file search reads, as documented.
const SEARCHED: [&str; 21] = [
    "c", "cpp", "cs", "css", "doc", "docx", "go", "html", "java", "js", "json", "md", "pdf", "php", "pptx", "py", "rb",
    "sh", "tex", "ts", "txt",
];

fn ending(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, ending)| ending)
}

/// Refuses a file whose name says that it is not what its purpose takes. Lines are looked at by who reads them: an
/// upload with broken lines is accepted, and the batch or job fails (BerriAI/litellm 37527).
///
/// # Errors
/// It is another format.
pub(super) fn check(purpose: &str, name: &str) -> Result<(), ApiError> {
    let is_lines = || ending(name).is_some_and(|ending| ending.eq_ignore_ascii_case("jsonl"));
    let message = match (purpose, ending(name)) {
        ("batch", _) if !is_lines() => "Invalid file format for Batch API. Must be .jsonl".to_string(),
        ("fine-tune", _) if !is_lines() => "Invalid file format for Fine-Tuning API. Must be .jsonl".to_string(),
        // What the documents name for file search is taken, though `cs` was seen refused (openai/openai-dotnet 270).
        ("assistants", Some(ending)) if !ASSISTANTS.contains(&ending) && !SEARCHED.contains(&ending) => {
            format!("Invalid extension {ending}. Supported formats: \"{}\"", ASSISTANTS.join("\", \""))
        }
        _ => return Ok(()),
    };
    Err(ApiError::invalid(message))
}

/// Refuses to search in files whose names say that they are none of what file search reads (stdapi-ai/stdapi.ai 275).
///
/// # Errors
/// One is of another format.
pub(crate) fn check_searched(names: &[&str]) -> Result<(), ApiError> {
    let is_searched = |ending: &str| SEARCHED.iter().any(|known| known.eq_ignore_ascii_case(ending));
    let mut others: Vec<String> = Vec::new();
    for ending in names.iter().filter_map(|name| ending(name)).filter(|ending| !is_searched(ending)) {
        let shown = format!(".{ending}");
        if !others.contains(&shown) {
            others.push(shown);
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Files with extensions [{}] are not supported for retrieval. See https://platform.openai.com/docs/assistants/tools/file-search/supported-files",
        others.join(", ")
    );
    Err(ApiError::invalid(message).param("file_ids").code("unsupported_file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_takes_what_production_takes() {
        for (purpose, name, said) in [
            ("batch", "a.jsonl", None),
            ("batch", "a.JSONL", None),
            ("batch", "jsonl", Some("Invalid file format for Batch API. Must be .jsonl")),
            ("fine-tune", "train.jsonl", None),
            ("fine-tune", "train.json", Some("Invalid file format for Fine-Tuning API. Must be .jsonl")),
            ("assistants", "a.pdf", None),
            ("assistants", "a.b.cs", None),
            ("assistants", "upload", None),
            ("assistants", "a.xsd", Some("Invalid extension xsd. Supported formats: \"c\", \"cpp\", \"css\", ")),
            ("assistants", "A.DOCX", Some("Invalid extension DOCX. Supported formats: ")),
            ("vision", "a.pdf", None),
            ("user_data", "a.xsd", None),
            ("evals", "a.csv", None),
        ] {
            let told = check(purpose, name).err().map(|error| error.message);
            assert_eq!(told.is_some(), said.is_some(), "{purpose} {name}: {told:?}");
            assert!(told.unwrap_or_default().starts_with(said.unwrap_or_default()), "{purpose} {name}");
        }
    }

    #[test]
    fn what_file_search_does_not_read_is_named_once() {
        assert_eq!(check_searched(&["a.md", "b.PDF", "upload"]), Ok(()));
        let refused = check_searched(&["a.png", "b.txt", "c.csv", "d.png"]).expect_err("two are not read");
        assert!(refused.message.starts_with("Files with extensions [.png, .csv] are not supported for retrieval."));
        assert_eq!((refused.param.as_deref(), refused.code.as_deref()), (Some("file_ids"), Some("unsupported_file")));
    }
}
