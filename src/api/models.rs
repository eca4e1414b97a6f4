use serde_json::{Value, json};
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Chat,
    Responses,
    Completions,
    Embedding,
}
#[derive(Clone, Debug)]
pub struct Model {
    pub id: std::borrow::Cow<'static, str>,
    pub kind: Kind,
    pub reasoning: bool,
    pub deprecated: bool,
    pub dimensions: Option<u32>,
    pub requests_per_minute: u64,
    pub tokens_per_minute: u64,
}
pub fn catalogue() -> &'static [Model] {
    static C: std::sync::OnceLock<Vec<Model>> = std::sync::OnceLock::new();
    C.get_or_init(|| {
        ["gpt-4", "gpt-4o", "gpt-4o-mini", "gpt-3.5-turbo", "gpt-5"]
            .iter()
            .map(|id| Model::custom(id, None, None, None))
            .collect()
    })
}
pub fn find(id: &str) -> Option<&'static Model> {
    catalogue().iter().find(|m| m.id == id)
}
impl Model {
    pub fn custom(id: &str, _: Option<u64>, _: Option<u64>, _: Option<&str>) -> Model {
        Model {
            id: id.to_string().into(),
            kind: Kind::Chat,
            reasoning: id.starts_with("gpt-5"),
            deprecated: false,
            dimensions: None,
            requests_per_minute: 500,
            tokens_per_minute: 200000,
        }
    }
    pub fn snapshot(&self) -> &str {
        &self.id
    }
    pub fn fingerprint(&self) -> Option<String> {
        Some("fp_4147058500".into())
    }
}
pub fn list_object(m: &Model) -> Value {
    json!({"id":m.id,"object":"model","created":1,"owned_by":"openai"})
}
