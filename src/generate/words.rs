//! Word lists: what generated texts and values are made of.

/// What a generated text is about. One theme per text keeps it coherent.
pub(crate) struct Theme {
    /// The subject, in the plural, lower case.
    pub things: &'static str,
    /// Who works with it, in the plural.
    pub people: &'static [&'static str],
    /// Parts or aspects, in the singular, to be used with an article.
    pub parts: &'static [&'static str],
    /// Activities, as gerunds.
    pub activities: &'static [&'static str],
    /// Where it happens, with preposition.
    pub places: &'static [&'static str],
    /// What comes of it, in the singular, with article.
    pub results: &'static [&'static str],
}

/// The themes a text is drawn from.
pub(crate) const THEMES: &[Theme] = &[
    Theme {
        things: "community gardens",
        people: &["volunteers", "neighbours", "local schools", "the organisers"],
        parts: &["compost heap", "watering rota", "seed library", "tool shed", "planting calendar", "shared bed"],
        activities: &["weeding", "sharing seedlings", "mulching", "collecting rainwater", "keeping bees"],
        places: &["behind the library", "on the old car park", "along the railway", "between two apartment blocks"],
        results: &["a better harvest", "a quieter street", "a reason to meet", "a cooler summer courtyard"],
    },
    Theme {
        things: "night trains",
        people: &["travellers", "train crews", "timetable planners", "the operators"],
        parts: &["sleeping car", "border stop", "timetable", "dining car", "booking system", "connecting service"],
        activities: &[
            "crossing borders",
            "coupling carriages",
            "booking early",
            "sleeping on rails",
            "changing engines",
        ],
        places: &["across the Alps", "along the coast", "between distant capitals", "in the far north"],
        results: &["a rested arrival", "a smaller footprint", "a fuller train", "a simpler journey"],
    },
    Theme {
        things: "small software teams",
        people: &["developers", "reviewers", "maintainers", "product people"],
        parts: &["test suite", "release process", "code review", "issue tracker", "build pipeline", "design note"],
        activities: &["pairing", "writing tests first", "deleting code", "shipping daily", "measuring before tuning"],
        places: &["in a shared room", "across three time zones", "in the open", "on a single branch"],
        results: &["a calmer release day", "a shorter feedback loop", "a codebase people trust", "a smaller backlog"],
    },
    Theme {
        things: "city libraries",
        people: &["librarians", "readers", "students", "the night staff"],
        parts: &["reading room", "catalogue", "children's corner", "lending desk", "local archive", "repair workshop"],
        activities: &["lending tools", "digitising maps", "reading aloud", "restoring bindings", "hosting debates"],
        places: &["in the old town hall", "near the market", "in every district", "on the top floor"],
        results: &["a wider audience", "a place to think", "a longer life for old books", "a stronger neighbourhood"],
    },
    Theme {
        things: "mountain weather stations",
        people: &["observers", "forecasters", "engineers", "hut wardens"],
        parts: &["wind sensor", "snow gauge", "radio link", "solar panel", "data logger", "calibration record"],
        activities: &["clearing ice", "calibrating sensors", "comparing readings", "logging storms", "mapping winds"],
        places: &["above the tree line", "on the north ridge", "beside the glacier", "at the head of the valley"],
        results: &["an earlier warning", "a more honest forecast", "a safer route", "a longer record"],
    },
    Theme {
        things: "neighbourhood bakeries",
        people: &["bakers", "apprentices", "regular customers", "the early shift"],
        parts: &["sourdough starter", "stone oven", "flour delivery", "recipe book", "cooling rack", "morning queue"],
        activities: &["kneading by hand", "proofing overnight", "milling grain", "baking in small batches", "tasting"],
        places: &["on the corner", "down by the harbour", "in a former garage", "opposite the school"],
        results: &["a deeper flavour", "a loyal clientele", "a loaf that keeps for days", "a steady rhythm"],
    },
    Theme {
        things: "tidal power projects",
        people: &["marine engineers", "fishing crews", "grid operators", "researchers"],
        parts: &[
            "turbine blade",
            "subsea cable",
            "maintenance window",
            "environmental survey",
            "control room",
            "mooring",
        ],
        activities: &[
            "surveying the seabed",
            "balancing the grid",
            "inspecting blades",
            "tracking currents",
            "modelling",
        ],
        places: &["in the narrow strait", "off the west coast", "near the old harbour", "at the mouth of the fjord"],
        results: &["a predictable supply", "a lower maintenance bill", "a fair agreement", "a cleaner grid"],
    },
    Theme {
        things: "open museums",
        people: &["curators", "visitors", "conservators", "guides"],
        parts: &[
            "permanent collection",
            "audio guide",
            "storage depot",
            "exhibition label",
            "workshop",
            "loan agreement",
        ],
        activities: &["cataloguing", "telling local stories", "lending objects", "cleaning frames", "inviting critics"],
        places: &["in the former mill", "on the river island", "in the restored barracks", "under a glass roof"],
        results: &["a richer story", "a younger public", "a collection in use", "a better conversation"],
    },
];

/// Sentences that begin a text.
pub(crate) const OPENINGS: &[&str] = &[
    "Over the past few years, {things} have become a {good} example of what patience can achieve.",
    "Few subjects show the value of careful work as clearly as {things} do.",
    "At first glance, {things} seem simple; a closer look reveals a {good} amount of detail.",
    "There is no single recipe for {things}, but the {good} ones have a few habits in common.",
    "Anyone who spends a week with {people} soon learns why {things} matter.",
    "When people talk about {things}, they often begin with the {part}, and for good reason.",
];

/// Sentences that begin a later paragraph.
pub(crate) const TURNS: &[&str] = &[
    "The {part} deserves a closer look.",
    "Another question is how the {part} should be organised.",
    "Much also depends on the {part}.",
    "None of this would work without {people}.",
    "It is tempting to begin with {activity}, but the {part} comes first.",
    "Seen from outside, {activity} looks like a detail.",
    "The picture changes once {activity} becomes routine.",
    "Costs are a fair concern, especially when the {part} is new.",
];

/// Sentences of the body.
pub(crate) const BODIES: &[&str] = &[
    "In practice, {people} start with the {part} and improve it step by step.",
    "This makes {activity} easier, and it often leads to {result}.",
    "A {good} {part} saves time every week, even if nobody notices it.",
    "Most {people} agree that {activity} pays off sooner than expected.",
    "What works {place} does not always work elsewhere, so it helps to test early.",
    "The {part} and the {other} depend on each other more than the plans suggest.",
    "Some prefer {activity}, while others rely on the {part}; both can lead to {result}.",
    "{People} keep notes, compare them at the end of the month, and adjust the {part}.",
    "Even a {good} plan needs room for surprises, particularly {place}.",
    "As a rule, {activity} takes longer the first time and half as long the second.",
    "The difference is easy to see {place}, where the {part} has been in use for years.",
    "Without the {part}, {activity} would be little more than a good intention.",
    "That is why {people} review the {part} before they change the {other}.",
    "A short checklist for the {part} prevents most of the usual mistakes.",
    "Good records turn {activity} from a habit into {result}.",
    "Where money is short, {people} repair the {part} instead of replacing it.",
    "Newcomers learn {activity} within a few days and teach it to the next group.",
    "Nobody expected the {part} to matter this much, yet it shaped every later decision.",
    "It also helps that {activity} can be done {place} with very little equipment.",
    "For {people}, the {part} is less a goal than a {good} starting point.",
    "Small changes to the {other} add up, and in time they bring {result}.",
    "Early results were mixed, but {people} kept the {part} and improved it with {result} in mind.",
    "Asked about the {part}, {people} usually mention {activity} first.",
    "Each season adds a lesson: keep the {part} simple, and share what was learned.",
];

/// Sentences that end a text.
pub(crate) const CLOSINGS: &[&str] = &[
    "In the end, {things} succeed when {people} have time, trust and a {good} {part}.",
    "The next step is modest: look after the {part}, and {result} will follow.",
    "If there is one lesson, it is that {activity} and patience belong together.",
    "For now, the most useful thing is to begin, and to leave the {other} for later.",
    "Taken together, these steps make {things} a {good} investment for everyone involved.",
];

/// Qualities; each begins with a consonant, so `a` fits before it.
pub(crate) const QUALITIES: &[&str] = &[
    "good",
    "remarkable",
    "practical",
    "well-kept",
    "simple",
    "careful",
    "convincing",
    "quiet",
    "reliable",
    "thoughtful",
    "lasting",
    "promising",
    "solid",
    "surprising",
];

pub(crate) const FIRST_NAMES: &[&str] = &[
    "Ada", "Bruno", "Carla", "David", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Keiko", "Liam", "Maria",
    "Noah", "Olga", "Pedro", "Rosa", "Samir", "Tessa", "Yusuf",
];

pub(crate) const LAST_NAMES: &[&str] = &[
    "Andersen", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ivanova", "Jensen", "Kim",
    "Lindgren", "Moreau", "Nakamura", "Okafor", "Patel", "Rossi", "Silva", "Tanaka", "Weber",
];

/// City, country and country code.
pub(crate) const CITIES: &[(&str, &str, &str)] = &[
    ("Oslo", "Norway", "NO"),
    ("Lisbon", "Portugal", "PT"),
    ("Kyoto", "Japan", "JP"),
    ("Nairobi", "Kenya", "KE"),
    ("Toronto", "Canada", "CA"),
    ("Vienna", "Austria", "AT"),
    ("Lyon", "France", "FR"),
    ("Seville", "Spain", "ES"),
    ("Montevideo", "Uruguay", "UY"),
    ("Wellington", "New Zealand", "NZ"),
];

pub(crate) const STREETS: &[&str] =
    &["Harbour Street", "Mill Lane", "Station Road", "Park Avenue", "Chestnut Street", "River Road", "Market Square"];

pub(crate) const COMPANIES: &[&str] = &[
    "Northwind Labs",
    "Blue Harbour",
    "Fjord & Sons",
    "Lumen Works",
    "Cedar Systems",
    "Atlas Bakery",
    "Quiet Engines",
];

pub(crate) const COLOURS: &[&str] = &["blue", "green", "red", "yellow", "orange", "violet", "white", "black", "grey"];

pub(crate) const PRODUCTS: &[&str] =
    &["Desk Lamp", "Canvas Backpack", "Water Bottle", "Wool Blanket", "Notebook", "Travel Mug", "Folding Chair"];

/// Single nouns for values without a better guide.
pub(crate) const NOUNS: &[&str] = &[
    "harbour", "garden", "lantern", "river", "compass", "meadow", "signal", "orchard", "bridge", "letter", "window",
    "island", "market", "forest", "engine", "summit", "archive", "kitchen",
];

/// Adjectives for values without a better guide.
pub(crate) const ADJECTIVES: &[&str] =
    &["quiet", "bright", "early", "narrow", "gentle", "open", "steady", "distant", "warm", "clear", "small", "green"];
