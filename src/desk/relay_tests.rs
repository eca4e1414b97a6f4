use super::*;
use std::sync::Arc;

/// A store of two replicas, which numbers what they tell.
#[derive(Default)]
struct Between {
    told: Arc<Mutex<Vec<ToldText>>>,
    events: Vec<(u64, String)>,
    waiting: BTreeMap<String, String>,
}

impl Between {
    fn desk(&self, here: &str) -> Desk {
        let (desk, told) = (Desk::default(), self.told.clone());
        let send = move |text| told.lock().expect("no panic").push(text);
        desk.relay(here.into(), Duration::from_secs(60), Box::new(send));
        desk.missed(&MissedEvents { epoch: "one".into(), last: 0, events: Vec::new(), waiting: Vec::new() });
        desk
    }

    /// All replicas hear what was told.
    fn passes(&mut self, desks: &[&Desk]) {
        let told = std::mem::take(&mut *self.told.lock().expect("no panic"));
        for ToldText { kind, id, text } in told {
            match kind {
                "W" => drop(self.waiting.insert(id, text.clone())),
                "C" if self.waiting.remove(&id).is_none() => continue,
                _ => {}
            }
            let number = if kind == "T" { 0 } else { self.events.len() as u64 + 1 };
            if number > 0 {
                self.events.push((number, text.clone()));
            }
            desks.iter().for_each(|desk| assert!(desk.hear(number, &text)));
        }
    }

    fn missed(&self, after: usize) -> MissedEvents {
        let (events, waiting) = (self.events[after..].to_vec(), self.waiting.values().cloned().collect());
        MissedEvents { epoch: "one".into(), last: self.events.len() as u64, events, waiting }
    }
}

fn kinds(desk: &Desk, seen: u64) -> Vec<Value> {
    let told = desk.events.after(seen, 99).expect("kept");
    told.iter().map(|event| serde_json::from_slice::<Value>(event).expect("JSON")["type"].clone()).collect()
}

#[test]
fn events_have_one_number_at_all_replicas_and_each_is_told_once() {
    let mut between = Between::default();
    let (one, two) = (between.desk("http://one"), between.desk("http://two"));
    one.events.tell("x", || unreachable!("nobody is known to watch"));
    one.events.tell("new_request", || json!({"id": "7", "text": "hello", "typed": ""}));
    between.passes(&[&one, &two]);
    for desk in [&one, &two] {
        assert_eq!((desk.as_of().1, desk.as_of().0.len()), (1, 1));
        desk.is_watched_for(Duration::from_secs(1));
    }
    assert_eq!((two.elsewhere(7).as_deref(), one.elsewhere(7)), (Some("http://one"), None));
    two.events.tell("x", || json!({}));
    one.events.tell("claimed_request", || json!({"id": "7", "by": "Ann", "until": 5}));
    one.events.tell("typed", || json!({"id": "7", "text": "so"}));
    between.passes(&[&one, &two]);
    assert_eq!(kinds(&one, 0), kinds(&two, 0));
    let [shown] = &two.waiting()[..] else { panic!("it waits") };
    assert_eq!((&shown["claimed"]["by"], &shown["typed"]), (&json!("Ann"), &json!("so")));
    // One that comes later knows the same, and so does one that missed some.
    let three = between.desk("http://three");
    three.missed(&between.missed(0));
    assert_eq!((kinds(&three, 0), three.waiting()), (kinds(&two, 0), two.waiting()));
    one.events.tell("answered_by", || json!({"id": "7"}));
    two.alive(&[]);
    between.passes(&[&one, &two]);
    assert_eq!(kinds(&two, 4), ["answered_by"], "that it was cancelled too is not told");
    assert!(one.waiting().is_empty() && two.waiting().is_empty() && three.waiting().len() == 1);
    assert!(!three.hear(99, &between.events[4].1), "some before it are missing");
    three.missed(&between.missed(4));
    assert_eq!((kinds(&three, 0), three.waiting().len()), (kinds(&two, 0), 0));
}

#[test]
fn a_gap_is_a_gap_at_every_replica() {
    let mut between = Between::default();
    let one = between.desk("http://one");
    one.is_watched_for(Duration::from_secs(1));
    (0..3).for_each(|_| one.events.tell("x", || json!({})));
    between.passes(&[&one]);
    // The store forgot the first two.
    let two = between.desk("http://two");
    two.missed(&between.missed(2));
    assert_eq!((two.events.after(0, 9), kinds(&two, 2)), (None, vec![json!("x")]));
    // It lost everything, and counts anew.
    let lost = MissedEvents { epoch: "two".into(), last: 1, events: Vec::new(), waiting: Vec::new() };
    two.missed(&lost);
    assert_eq!((two.events.epoch(), two.as_of().1, two.events.after(0, 9)), ("two".into(), 1, None));
}
