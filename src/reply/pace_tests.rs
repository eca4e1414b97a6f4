use super::*;
use proptest::prelude::*;

fn cut<'a>(text: &'a str, chunk: &Chunk) -> Vec<&'a str> {
    Pieces::new(text, chunk, Encoding::O200k).ranges().map(|(start, end, _)| &text[start..end]).collect()
}

fn any_chunk() -> impl Strategy<Value = Chunk> {
    prop_oneof![
        (0usize..5).prop_map(Chunk::Tokens),
        Just(Chunk::Word),
        Just(Chunk::Char),
        proptest::collection::vec("[a👩‍👧\r\n ]{0,3}", 0..4).prop_map(Chunk::Exact),
    ]
}

proptest! {
    #[test]
    fn pieces_are_the_text_and_split_nothing(text in "\\PC{0,40}|[ a\r\n👩‍👧🇳🇴é漢]{0,40}", chunk in any_chunk()) {
        for encoding in [Encoding::O200k, Encoding::Estimate] {
            let pieces = Pieces::new(&text, &chunk, encoding);
            let parts: Vec<&str> = pieces.ranges().map(|(start, end, _)| &text[start..end]).collect();
            prop_assert_eq!(parts.concat(), text.as_str());
            prop_assert!(parts.iter().all(|part| !part.is_empty()));
            let borders: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
            prop_assert!(pieces.ranges().all(|(_, end, _)| borders.contains(&end)));
            let tokens: u32 = pieces.ranges().map(|piece| piece.2).sum();
            prop_assert_eq!(tokens as usize, tokens::count(encoding, &text));
        }
    }
}

#[test]
fn each_way_of_cutting() {
    assert_eq!(cut("Hello, world!", &Chunk::Tokens(1)), ["Hello", ",", " world", "!"]);
    assert_eq!(cut("Hello, world!", &Chunk::Tokens(3)), ["Hello, world", "!"]);
    assert_eq!(cut(" two  words\n", &Chunk::Word), [" two  ", "words\n"]);
    assert_eq!(cut("e\u{301}👩‍👧\r\n", &Chunk::Char), ["e\u{301}", "👩‍👧", "\r\n"]);
    assert_eq!(cut("{\"a\":1}", &Chunk::Exact(vec!["{".into(), "\"a\":".into()])), ["{", "\"a\":", "1}"]);
    assert_eq!(cut("abc", &Chunk::Exact(vec!["a".into(), "x".into()])), ["a", "bc"]);
    assert_eq!(cut("", &Chunk::Word), [""; 0]);
}

#[test]
fn a_text_remembers_its_first_cut_and_still_cuts_otherwise() {
    let text = Text::new("one two");
    assert_eq!(text.pieces(&Chunk::Word, Encoding::O200k).cuts.len(), 2);
    let again = || text.pieces(&Chunk::Word, Encoding::O200k);
    assert!(Arc::ptr_eq(&again(), &again()));
    assert_eq!(text.pieces(&Chunk::Char, Encoding::O200k).cuts.len(), 7);
}

#[test]
fn deadlines_come_from_totals() {
    let pace = Pace { ttft_ms: Some(Range(300.0, 300.0)), tokens_per_second: Some(50.0), ..Pace::default() };
    let mut schedule = Schedule::new(&pace, &mut Random::new(0));
    assert_eq!(schedule.first().as_millis(), 300);
    let deadlines: Vec<f64> = (0..100_000).map(|_| schedule.next(1)).collect();
    assert_eq!(deadlines[0], 300.0);
    assert_eq!(deadlines[99_999], 300.0 + 99_999.0 * 20.0);
    assert_eq!(schedule.end(), 300.0 + 100_000.0 * 20.0);
    assert_eq!(Schedule::new(&pace, &mut Random::new(0)).total(&[3, 2]), 400.0);
}

#[test]
fn a_drawn_delay_is_the_same_streamed_and_whole() {
    let pace = Pace { delay_ms: Some(Range(10.0, 50.0)), ..Pace::default() };
    let mut schedule = Schedule::new(&pace, &mut Random::new(7));
    let whole = schedule.total(&[1, 1, 1]);
    let gaps: Vec<f64> = (0..3).map(|_| schedule.next(1)).collect();
    assert!(gaps.windows(2).all(|pair| (10.0..=50.0).contains(&(pair[1] - pair[0]))));
    assert_eq!(schedule.end(), whole);
}

#[test]
fn an_empty_pace_waits_for_nothing() {
    let schedule = Schedule::new(&Pace::default(), &mut Random::new(0));
    assert!(schedule.is_empty());
    assert_eq!(schedule.total(&[1; 50]), 0.0);
}

#[test]
fn the_more_special_pace_wins_key_by_key() {
    let reply = Pace { tokens_per_second: Some(10.0), ..Pace::default() };
    let session = Pace { tokens_per_second: Some(99.0), chunk: Some(Chunk::Word), ..Pace::default() };
    let both = reply.or(&session);
    assert_eq!((both.tokens_per_second, both.chunk), (Some(10.0), Some(Chunk::Word)));
}
