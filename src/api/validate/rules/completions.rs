//! Rules of legacy completions, and what chat shares with them. Sources: public issue threads
//! (OkGoDoIt/OpenAI-API-dotnet 163, sashabaranov/go-openai 129).

use crate::api::validate::rules::Faults;
use crate::turn::models::Model;
use crate::wire::error::ApiError;
use crate::wire::field::find;
use serde_json::Value;

/// All rules of a legacy completion's body.
pub(super) fn check(body: &Value, _model: &Model, faults: &mut Faults) {
    bias(body, faults);
    let number = |field: &str| find(body, field).and_then(Value::as_u64);
    if let (Some(best), n) = (number("best_of"), number("n").unwrap_or(1))
        && n > best
    {
        faults.at("best_of", || {
            let message = format!(
                "You requested that the server return more choices than it will generate (HINT: you must set 'n' \
                 (currently {n}) to be at most 'best_of' (currently {best}), or omit either parameter if you don't \
                 specifically want to use them.)"
            );
            Some(ApiError::invalid(message).param("best_of"))
        });
    }
}

/// The keys of `logit_bias` are tokens' numbers.
pub(super) fn bias(body: &Value, faults: &mut Faults) {
    let keys = find(body, "logit_bias").and_then(Value::as_object).into_iter().flat_map(|bias| bias.keys());
    let number = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(key) = keys.into_iter().find(|key| !number(key)) {
        faults.at("logit_bias", || {
            let message =
                format!("Invalid key in 'logit_bias': {key}. You should only be submitting non-negative integers.");
            Some(ApiError::invalid(message).param("logit_bias"))
        });
    }
}
