use super::error::ApiError;
use serde_json::Value;
pub enum Level {
    Full,
    Schema,
    Off,
}
pub struct Context<'a> {
    pub level: Level,
    pub relaxed: bool,
    pub azure: bool,
    pub model: Option<&'a super::models::Model>,
}
pub fn body(_: &str, _: &Value, _: &Context) -> Result<(), ApiError> {
    Ok(())
}
pub fn query(_: &str, _: &[(String, String)], _: &Context) -> Result<(), ApiError> {
    Ok(())
}
