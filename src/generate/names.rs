//! What a property's name says about its value.

use crate::generate::said::UserText;
use crate::generate::said::split_identifier;
use crate::generate::text::capitalised;
use crate::generate::words::ADJECTIVES;
use crate::generate::words::CITIES;
use crate::generate::words::COLOURS;
use crate::generate::words::COMPANIES;
use crate::generate::words::FIRST_NAMES;
use crate::generate::words::LAST_NAMES;
use crate::generate::words::NOUNS;
use crate::generate::words::PRODUCTS;
use crate::generate::words::STREETS;
use crate::random::Random;

/// A property's name in words, the last in the singular: `emailAddresses` → `email address`.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldName {
    words: Vec<String>,
    plural: bool,
}

/// What is counted although one of it is meant.
const COUNTED: &[&str] = &[
    "age",
    "year",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "count",
    "quantity",
    "qty",
    "number",
    "num",
    "limit",
    "size",
    "page",
    "index",
    "position",
    "rank",
    "id",
    "port",
    "timestamp",
    "created",
    "updated",
    "population",
    "people",
    "inventory",
    "stock",
];

/// What is measured although the word is a plural.
const MEASURED: &[&str] = &[
    "price",
    "cost",
    "amount",
    "score",
    "percent",
    "percentage",
    "degree",
    "celsius",
    "meter",
    "metre",
    "kilometer",
    "kilometre",
    "km",
    "mile",
    "kilogram",
    "kg",
    "gram",
    "pound",
    "ounce",
    "dollar",
    "euro",
    "litre",
    "liter",
    "coordinate",
    "weight",
    "ratio",
    "rate",
    "fee",
    "saving",
    "earning",
    "sale",
    "tax",
    "temperature",
    "probability",
    "confidence",
    "rating",
    "coord",
    "lat",
    "lng",
    "gb",
    "mb",
    "po",
    "radiu",
    "axi",
];

impl FieldName {
    pub(crate) fn of(name: &str) -> Self {
        let mut words = split_identifier(name);
        let mut plural = false;
        if let Some(last) = words.last_mut() {
            let one = singular(last);
            plural = one != *last;
            *last = one;
        }
        FieldName { words, plural }
    }

    /// The name of each item of a list with this name.
    pub(crate) fn of_item(&self) -> Self {
        FieldName { plural: false, ..self.clone() }
    }

    /// Whether a number of this name counts something, so that it is whole: `guests`, `page`, `numberOfNights`.
    pub(crate) fn counts(&self) -> bool {
        let counter = ["num", "number", "count", "total"]
            .iter()
            .any(|word| self.words.first().is_some_and(|first| first == word));
        COUNTED.contains(&self.last())
            || (!MEASURED.contains(&self.last()) && (self.plural || (counter && self.words.len() > 2)))
    }

    fn has(&self, any: &[&str]) -> bool {
        self.words.iter().any(|word| any.contains(&word.as_str()))
    }

    fn last(&self) -> &str {
        self.words.last().map_or("", String::as_str)
    }

    /// Whether the property takes the user's text.
    pub(crate) fn takes_text(&self) -> bool {
        matches!(
            self.last(),
            "input"
                | "query"
                | "text"
                | "question"
                | "prompt"
                | "message"
                | "content"
                | "q"
                | "search"
                | "request"
                | "utterance"
                | "instruction"
                | "task"
                | "expression"
        )
    }

    /// Where a number of this name plausibly lies.
    pub(crate) fn range(&self) -> (f64, f64) {
        match self.last() {
            "age" => (18.0, 80.0),
            "year" => (1990.0, 2026.0),
            "month" => (1.0, 12.0),
            "day" => (1.0, 28.0),
            "hour" => (0.0, 23.0),
            "minute" | "second" => (0.0, 59.0),
            "lat" | "latitude" => (-60.0, 70.0),
            "lon" | "lng" | "longitude" => (-180.0, 180.0),
            "confidence" | "probability" | "score" | "weight" | "ratio" | "likelihood" => (0.0, 1.0),
            "rating" | "star" | "priority" | "level" => (1.0, 5.0),
            "percent" | "percentage" | "progress" => (0.0, 100.0),
            "temperature" | "temp" => (-10.0, 35.0),
            "price" | "cost" | "amount" | "total" | "subtotal" | "fee" | "salary" => (1.0, 500.0),
            "count" | "quantity" | "qty" | "number" | "num" | "limit" | "size" | "page" | "index" | "position" => {
                (1.0, 20.0)
            }
            "id" => (1000.0, 9999.0),
            "port" => (1024.0, 49151.0),
            "timestamp" | "created" | "updated" => (1_704_067_200.0, 1_767_225_600.0),
            _ => (1.0, 100.0),
        }
    }

    /// A string this name suggests; a word or two of the user, or any, when it suggests nothing.
    pub(crate) fn string(&self, said: &mut UserText, random: &mut Random) -> String {
        let first = self.words.first().map_or("", String::as_str);
        let pick = |list: &[&str], random: &mut Random| random.pick(list).to_string();
        match self.last() {
            _ if self.has(&["email", "mail"]) => said.emails.first().cloned().unwrap_or_else(|| email(random)),
            _ if self.has(&["phone", "mobile", "fax", "tel"]) => phone(random),
            "name" if self.has(&["first", "given", "fore"]) => pick(FIRST_NAMES, random),
            "name" if self.has(&["last", "family", "sur"]) => pick(LAST_NAMES, random),
            "surname" | "lastname" => pick(LAST_NAMES, random),
            "firstname" => pick(FIRST_NAMES, random),
            "name" if self.has(&["user", "login"]) && self.words.len() == 2 && first == "user" => username(random),
            "username" | "login" | "handle" | "nickname" => username(random),
            "name" if self.has(&["company", "organization", "organisation", "brand", "vendor"]) => {
                pick(COMPANIES, random)
            }
            "company" | "organization" | "organisation" | "brand" | "employer" | "vendor" | "publisher" => {
                pick(COMPANIES, random)
            }
            "name" if self.has(&["product", "item"]) => pick(PRODUCTS, random),
            "name" if self.has(&["city", "town", "country", "place"]) => place(said, random, first == "country"),
            "name" if self.has(&["file"]) => format!("{}.txt", random.pick(NOUNS)),
            "product" | "item" => pick(PRODUCTS, random),
            "country" => place(said, random, true),
            "code" if self.has(&["country"]) => random.pick(CITIES).2.to_string(),
            "city" | "town" | "location" | "place" | "origin" | "destination" | "region" | "state" | "capital"
            | "venue" => place(said, random, false),
            "name" | "author" | "person" | "participant" | "attendee" | "customer" | "owner" | "assignee"
            | "contact" | "speaker" | "user" | "recipient" | "sender" | "member" | "student" => {
                said.next_name().unwrap_or_else(|| person(random))
            }
            "address" | "street" | "line" if self.has(&["address", "street"]) => {
                format!("{} {}", random.between(1, 120), random.pick(STREETS))
            }
            "zip" | "postcode" | "zipcode" | "postal" => format!("{:05}", random.between(1000, 99950)),
            "code" if self.has(&["zip", "postal"]) => format!("{:05}", random.between(1000, 99950)),
            "url" | "uri" | "link" | "website" | "href" | "homepage" => {
                said.urls.first().cloned().unwrap_or_else(|| url(random))
            }
            "image" | "avatar" | "photo" | "picture" | "thumbnail" => {
                format!("https://example.com/{}.png", random.pick(NOUNS))
            }
            "uuid" | "guid" => uuid(random),
            "id" | "identifier" | "reference" | "sku" => {
                let kind = if self.words.len() > 1 && first != "id" { first } else { "id" };
                format!("{kind}_{}", random.alphanumeric(10))
            }
            "token" | "key" | "password" | "secret" | "hash" => random.alphanumeric(24),
            "date" | "birthday" | "deadline" | "dob" => said.dates.first().cloned().unwrap_or_else(|| date(random)),
            "datetime" | "timestamp" | "at" => format!("{}T{}Z", date(random), time(random)),
            "time" => time(random)[..5].to_string(),
            "weekday" => pick(&["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"], random),
            "month" => pick(&["January", "March", "May", "July", "September", "November"], random),
            "timezone" | "zone" => pick(&["Europe/Oslo", "America/Toronto", "Asia/Tokyo", "UTC"], random),
            "title" | "headline" | "subject" | "heading" | "label" => capitalised(&two_words(random)),
            "description" | "summary" | "body" | "note" | "comment" | "reason" | "explanation" | "reasoning"
            | "detail" | "answer" | "response" | "reply" | "review" | "bio" | "rationale" | "thought" | "step"
            | "output" | "abstract" | "justification" => sentence(said, random),
            "color" | "colour" => pick(COLOURS, random),
            "currency" => pick(&["EUR", "USD", "GBP", "NOK", "JPY"], random),
            "language" | "lang" | "locale" => pick(&["en", "de", "fr", "es", "ja"], random),
            "status" => pick(&["active", "pending", "completed"], random),
            "unit" => pick(&["celsius", "metre", "kilogram"], random),
            "gender" => pick(&["female", "male", "other"], random),
            "ip" => ipv4(random),
            "host" | "hostname" | "domain" => format!("{}.example.com", random.pick(NOUNS)),
            "file" | "filename" | "path" => format!("{}.txt", random.pick(NOUNS)),
            "version" => format!("{}.{}.{}", random.below(5), random.below(12), random.below(20)),
            "job" | "role" | "occupation" | "profession" => {
                pick(&["engineer", "teacher", "designer", "nurse", "analyst"], random)
            }
            _ => said.topic(random).unwrap_or_else(|| two_words(random)),
        }
    }
}

fn singular(word: &str) -> String {
    match word.strip_suffix("ies") {
        Some(stem) if stem.len() > 1 => format!("{stem}y"),
        _ => match word.strip_suffix("sses") {
            Some(stem) => format!("{stem}ss"),
            None if word.len() > 3 && !word.ends_with("ss") && !word.ends_with("us") => {
                word.strip_suffix('s').unwrap_or(word).to_string()
            }
            None => word.to_string(),
        },
    }
}

/// "quiet harbour"
pub(crate) fn two_words(random: &mut Random) -> String {
    format!("{} {}", random.pick(ADJECTIVES), random.pick(NOUNS))
}

/// A sentence, about the user's topic if there is one.
pub(crate) fn sentence(said: &UserText, random: &mut Random) -> String {
    let about =
        said.topic(random).map_or_else(|| format!("the {}", random.pick(NOUNS)), |topic| format!("\"{topic}\""));
    match random.below(4) {
        0 => format!("A {} look at {about}.", random.pick(&["close", "first", "careful", "quick"])),
        1 => format!("Notes about {about}, with a {} example.", random.pick(&["short", "recent", "simple"])),
        2 => format!("This covers {about} and the {} near it.", random.pick(NOUNS)),
        _ => format!("In short, {about} works as expected."),
    }
}

fn person(random: &mut Random) -> String {
    format!("{} {}", random.pick(FIRST_NAMES), random.pick(LAST_NAMES))
}

fn username(random: &mut Random) -> String {
    format!("{}_{}", random.pick(FIRST_NAMES).to_lowercase(), random.between(10, 99))
}

fn place(said: &mut UserText, random: &mut Random, country: bool) -> String {
    let known = random.pick(CITIES);
    said.next_name().unwrap_or_else(|| if country { known.1 } else { known.0 }.to_string())
}

fn phone(random: &mut Random) -> String {
    format!("+1-555-{:03}-{:04}", random.between(100, 999), random.between(0, 9999))
}

/// `ada.weber@example.com`
pub(crate) fn email(random: &mut Random) -> String {
    format!("{}.{}@example.com", random.pick(FIRST_NAMES).to_lowercase(), random.pick(LAST_NAMES).to_lowercase())
}

/// `https://example.com/quiet-harbour`
pub(crate) fn url(random: &mut Random) -> String {
    format!("https://example.com/{}", two_words(random).replace(' ', "-"))
}

/// `2025-04-17`
pub(crate) fn date(random: &mut Random) -> String {
    format!("{}-{:02}-{:02}", random.between(2024, 2026), random.between(1, 12), random.between(1, 28))
}

/// `09:30:00`
pub(crate) fn time(random: &mut Random) -> String {
    format!("{:02}:{:02}:00", random.between(0, 23), random.between(0, 59))
}

/// An address of the documentation block 203.0.113.0/24.
pub(crate) fn ipv4(random: &mut Random) -> String {
    format!("203.0.113.{}", random.between(1, 254))
}

/// A version 4 UUID.
pub(crate) fn uuid(random: &mut Random) -> String {
    let variant = random.pick(&['8', '9', 'a', 'b']);
    format!("{}-{}-4{}-{variant}{}-{}", random.hex(8), random.hex(4), random.hex(3), random.hex(3), random.hex(12))
}
