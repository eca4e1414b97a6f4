//! The verbs, in both stores.

use crate::memory::Account;
use crate::session::store::*;
use crate::wire::error::ApiError;
use bytes::Bytes;
use serde::Deserialize;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note(String);

impl StoredKind for Note {
    const NAME: &'static str = "note";
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Number(u64);

impl StoredKind for Number {
    const NAME: &'static str = "number";
}

/// What answers leave: it stands on a shelf that gives way.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Left(String);

impl StoredKind for Left {
    const NAME: &'static str = "response";
}

fn left(text: &str) -> Left {
    Left(text.into())
}

fn note(text: &str) -> Note {
    Note(text.into())
}

/// Both stores, with room for so many objects of a type and so many bytes.
fn stores(objects: usize, bytes: usize) -> [Store; 2] {
    let (bounds, account) = (StoreBounds { objects, bytes }, || Account::new(bytes, &Arc::default()));
    [Store::in_memory(bounds, &account(), &account()), Store::serialised(bounds, &account())]
}

async fn ids<T: StoredKind>(store: &Store, page: Window<'_>) -> Vec<String> {
    store.objects(T::NAME).page(page).await.iter().map(|stored| stored.id.to_string()).collect()
}

#[tokio::test]
async fn every_type_has_its_ids() {
    for store in stores(1, 10_000) {
        store.put("a", &note("one")).await.expect("room");
        store.put("a", &Number(1)).await.expect("room");
        assert_eq!((store.get("a").await, store.get("a").await), (Some(note("one")), Some(Number(1))));
        assert!(store.remove::<Note>("a").await && !store.remove::<Note>("a").await);
        assert_eq!((store.get::<Note>("a").await, store.get("a").await), (None, Some(Number(1))));
    }
}

#[tokio::test]
async fn the_oldest_that_answers_left_makes_room() {
    for store in stores(2, 10_000) {
        store.put("other", &Number(0)).await.expect("room");
        for id in ["a", "b", "c"] {
            store.put(id, &left(id)).await.expect("it gives way");
        }
        assert_eq!(ids::<Left>(&store, Window::default()).await, ["b", "c"]);
        assert_eq!((store.get::<Left>("a").await, store.get("other").await), (None, Some(Number(0))));
    }
}

#[tokio::test]
async fn what_somebody_made_is_never_forgotten_but_the_next_refused() {
    for store in stores(2, 10_000) {
        for id in ["a", "b"] {
            store.put(id, &note(id)).await.expect("room");
        }
        let before = store.size().await;
        let refused = store.put("c", &note("c")).await.expect_err("two are all");
        assert!(refused.status == 413 && refused.message.contains("maxObjects"), "{refused:?}");
        assert_eq!(
            (ids::<Note>(&store, Window::default()).await, store.size().await),
            (vec!["a".into(), "b".into()], before)
        );
        store.put("a", &note("other")).await.expect("it has its place");
        assert!(store.remove::<Note>("a").await);
        store.put("c", &note("c")).await.expect("room again");
    }
}

#[tokio::test]
async fn the_oldest_that_answers_left_makes_room_when_bytes_run_out() {
    for store in stores(100, 4_000) {
        let long = "x".repeat(1_000);
        store.put("a", &left(&"x".repeat(1_500))).await.expect("it gives way");
        store.put("number", &Number(1)).await.expect("room");
        store.put_blob("blob", Bytes::from(vec![0; 1_000])).await.expect("room");
        store.put("b", &note(&long)).await.expect("room");
        assert_eq!(store.get::<Left>("a").await, None, "it made room");
        let refused = store.put("c", &note(&"x".repeat(1_400))).await.expect_err("no room");
        assert!(refused.status == 413 && refused.message.contains("maxSessionBytes"), "{refused:?}");
        assert!(store.put_blob("more", Bytes::from(vec![0; 1_400])).await.is_err());
        assert!(store.blob("blob").await.is_some() && store.get::<Number>("number").await.is_some());
        // One that grows is refused as well, and stays as it was; the emulator's own changes pass.
        assert!(store.put("b", &note(&"x".repeat(3_500))).await.is_err());
        let grow = |note: &mut Note| -> Result<(), ApiError> {
            note.0 = "x".repeat(3_500);
            Ok(())
        };
        assert!(store.update("b", grow).await.expect("it is there").is_err());
        assert_eq!(store.get::<Note>("b").await, Some(note(&long)));
        assert!(store.check_room().await.is_ok());
        store.change("b", |note: &mut Note| note.0 = "x".repeat(3_500)).await.expect("it is there");
        assert!(store.check_room().await.is_err());
        // What answers leave is forgotten at once then, and nothing else is.
        store.put("d", &left("d")).await.expect("it gives way");
        assert_eq!((store.get::<Left>("d").await, store.get::<Number>("number").await), (None, Some(Number(1))));
        assert!(
            store.remove::<Note>("b").await
                && store.remove_blob("blob").await
                && store.remove::<Number>("number").await
        );
        assert_eq!(store.size().await, 0);
        store.put("e", &left("small")).await.expect("it gives way");
        assert_eq!(store.get("e").await, Some(left("small")));
        store.put("e", &left(&"x".repeat(9_000))).await.expect("it gives way");
        assert_eq!((store.get::<Left>("e").await, store.size().await), (None, 0));
    }
}

#[tokio::test]
async fn an_id_taken_over_leaves_the_older_object_in_its_place() {
    for store in stores(3, 10_000) {
        let older = store.add("a", &left("1")).await.expect("room");
        let newer = store.add("a", &left("2")).await.expect("room");
        assert!(newer > older);
        let at = async |place| store.at::<Left>(place).await.and_then(|stored| stored.read::<Left>());
        assert_eq!((store.get("a").await, at(older).await), (Some(left("2")), Some(left("1"))));
        store.add("b", &left("3")).await.expect("room");
        store.add("c", &left("4")).await.expect("room");
        assert_eq!((store.get("a").await, at(older).await), (Some(left("2")), None), "the oldest went, its id did not");
        assert!(store.remove::<Left>("a").await);
        assert_eq!(ids::<Left>(&store, Window::default()).await, ["b", "c"]);
    }
}

#[tokio::test]
async fn replacing_keeps_the_place() {
    for store in stores(2, 10_000) {
        store.put("a", &Number(1)).await.expect("room");
        store.put("b", &Number(2)).await.expect("room");
        store.put("a", &Number(3)).await.expect("room");
        assert_eq!(ids::<Number>(&store, Window::default()).await, ["a", "b"]);
        assert_eq!(store.get("a").await, Some(Number(3)));
    }
}

#[tokio::test]
async fn pages_follow_each_other_both_ways() {
    for store in stores(10, 10_000) {
        for id in ["a", "b", "c", "d", "e"] {
            store.add(id, &note(id)).await.expect("room");
        }
        store.remove::<Note>("c").await;
        let page = Window { limit: 2, ..Window::default() };
        let down = Window { ascending: false, ..page };
        for (page, expected) in [
            (page, "ab"),
            (Window { after: Some("b"), ..page }, "de"),
            (Window { after: Some("e"), ..page }, ""),
            (Window { before: Some("e"), ..page }, "ab"),
            (Window { after: Some("a"), before: Some("e"), ..page }, "bd"),
            (Window { after: Some("d"), before: Some("b"), ..page }, ""),
            (Window { after: Some("nobody"), ..page }, "ab"),
            (down, "ed"),
            (Window { after: Some("d"), ..down }, "ba"),
            (Window { before: Some("a"), ..down }, "ed"),
            (Window { after: Some("e"), before: Some("a"), ..down }, "db"),
        ] {
            assert_eq!(ids::<Note>(&store, page).await.concat(), expected, "{page:?}");
        }
        assert!(ids::<Number>(&store, Window::default()).await.is_empty());
    }
}

#[tokio::test]
async fn no_change_is_lost() {
    for store in stores(10, 10_000) {
        store.put("n", &Number(0)).await.expect("room");
        let store = Arc::new(store);
        let changes = (0..50).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let add = |number: &mut Number| -> Result<u64, ApiError> {
                    number.0 += 1;
                    Ok(number.0)
                };
                store.update("n", add).await.expect("it is there").expect("it changes")
            })
        });
        let mut seen = Vec::new();
        for change in changes.collect::<Vec<_>>() {
            seen.push(change.await.expect("it ends"));
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=50).collect::<Vec<_>>(), "each saw all before it");
        let refuse = |number: &mut Number| -> Result<(), ApiError> {
            number.0 = 7;
            Err(ApiError::invalid("no"))
        };
        assert!(store.update("n", refuse).await.expect("it is there").is_err());
        assert_eq!(store.get("n").await, Some(Number(50)), "what was refused changed nothing");
        assert!(store.update("m", refuse).await.is_none());
    }
}

#[tokio::test]
async fn blobs_are_bytes() {
    for store in stores(10, 10_000) {
        let bytes = Bytes::from_static(b"\0\xff\n");
        store.put_blob("file", bytes.clone()).await.expect("room");
        assert_eq!(store.blob("file").await.expect("it is kept").bytes().expect("memory"), bytes);
        assert!(store.remove_blob("file").await && !store.remove_blob("file").await);
        assert!(store.blob("file").await.is_none());
        assert_eq!(store.size().await, 0);
        let refused = store.put_blob("file", Bytes::from(vec![0; 20_000])).await.expect_err("no room");
        assert_eq!((refused.status, store.size().await), (413, 0));
    }
}

#[tokio::test]
async fn large_blobs_lie_on_the_disk_within_a_bound_of_their_own() {
    let large = |byte: u8| Bytes::from(vec![byte; IN_MEMORY as usize + 1]);
    // Two of them have room there, and memory has none for one.
    let (most, disk) = (large(0).len() * 5 / 2, Arc::default());
    let files = Account::new(most, &disk);
    let store = |files| {
        let bounds = StoreBounds { objects: 10, bytes: 10_000 };
        Store::in_memory(bounds, &Account::new(bounds.bytes, &Arc::default()), files)
    };
    let (neighbour, store) = (store(&Account::new(most, &disk)), store(&files));
    for name in ["b", "c"] {
        store.put_blob(name, large(name.as_bytes()[0])).await.expect("room");
    }
    let refused = store.put_blob("a", large(b'a')).await.expect_err("no room");
    assert!(refused.status == 413 && refused.message.contains("maxDiskBytes"), "{refused:?}");
    assert!(store.size().await < 1_000 && files.used() == 2 * large(0).len());
    let kept = store.blob("c").await.expect("it is kept");
    assert!(!kept.in_memory() && kept.bytes().expect("it is read") == large(b'c'));
    // Another session has no room for what this one keeps.
    let refused = neighbour.put_blob("d", large(b'd')).await.expect_err("no room");
    assert!(refused.status == 413 && refused.message.contains("maxDiskBytes"), "{refused:?}");
    assert!(store.remove_blob("b").await && store.remove_blob("c").await);
    assert_eq!(files.used(), 0);
    neighbour.put_blob("d", large(b'd')).await.expect("room again");
}

#[tokio::test]
async fn what_was_accepted_is_read_again_however_deep() {
    // The parser of bodies takes 127 levels; what keeps them adds its own.
    let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
    let deep: serde_json::Value = serde_json::from_str(&deep).expect("it is accepted");
    #[derive(Serialize, Deserialize)]
    struct Kept {
        inner: Vec<serde_json::Value>,
    }
    impl StoredKind for Kept {
        const NAME: &'static str = "kept";
    }
    for store in stores(2, 10_000) {
        store.put("deep", &Kept { inner: vec![deep.clone()] }).await.expect("room");
        assert!(store.get::<Kept>("deep").await.is_some_and(|kept| kept.inner[0] == deep));
        // Numbers are the same to the last digit.
        let numbers = serde_json::json!([-0.123_456_789_012_345_67, 2.225_073_858_507_201e-308, 1.0, u64::MAX]);
        store.put("numbers", &Kept { inner: vec![numbers.clone()] }).await.expect("room");
        assert!(store.get::<Kept>("numbers").await.is_some_and(|kept| kept.inner[0] == numbers));
    }
}

#[tokio::test]
async fn what_lies_below_goes_at_any_depth_and_nothing_else() {
    for store in stores(10, 10_000) {
        for name in ["/evals", "/evals/a/runs", "/evals/a/runs/r/items", "/evals/ab/runs"] {
            store.objects(name).put("one", &note(name)).await.expect("room");
        }
        let before = store.size().await;
        for name in ["/evals/c", "/evals/c/runs", "/evals/c/runs/r/items"] {
            for id in ["one", "two"] {
                store.objects(name).put(id, &note(name)).await.expect("room");
            }
        }
        store.remove_below("/evals/c").await;
        assert_eq!(store.size().await, before);
        store.remove_below("/evals/a/").await;
        let mut names = store.names().await;
        names.sort();
        assert_eq!(names, ["/evals", "/evals/ab/runs"]);
        store.remove_below("/evals/").await;
        assert_eq!(store.names().await, ["/evals"]);
    }
}
