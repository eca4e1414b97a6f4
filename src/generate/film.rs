//! Generated films: an MP4 file that shows one picture for as long as asked (Motion JPEG, which players and ffmpeg know).

/// Units of a second.
const TIMESCALE: u32 = 1_000;

/// A JPEG picture as a film of so many seconds.
pub(crate) fn still(jpeg: &[u8], width: u16, height: u16, seconds: u32) -> Vec<u8> {
    let duration = seconds.saturating_mul(TIMESCALE);
    let head = atom(b"ftyp", b"isom\0\0\x02\0isommp41");
    // The picture stands behind its own eight bytes of header.
    let place = head.len() as u32 + 8;
    let data = atom(b"mdat", jpeg);
    let film = movie(&Sample { place, length: jpeg.len() as u32, width, height, duration });
    [head, data, film].concat()
}

/// The one sample of a film.
struct Sample {
    place: u32,
    length: u32,
    width: u16,
    height: u16,
    duration: u32,
}

/// A part of the file: its length, its name, what is in it.
fn atom(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 8);
    out.extend((content.len() as u32 + 8).to_be_bytes());
    out.extend(name);
    out.extend(content);
    out
}

/// Numbers of four bytes, one after the other.
fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// No rotation, no scaling.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

fn movie(sample: &Sample) -> Vec<u8> {
    let mut header = words(&[0, 0, 0, TIMESCALE, sample.duration, 0x1_0000, 0x0100_0000, 0, 0]);
    header.extend(words(&MATRIX));
    header.extend(words(&[0, 0, 0, 0, 0, 0, 2]));
    atom(b"moov", &[atom(b"mvhd", &header), track(sample)].concat())
}

fn track(sample: &Sample) -> Vec<u8> {
    // Enabled, and part of the film.
    let mut header = words(&[3, 0, 0, 1, 0, sample.duration, 0, 0, 0, 0]);
    header.extend(words(&MATRIX));
    header.extend(words(&[u32::from(sample.width) << 16, u32::from(sample.height) << 16]));
    // Undetermined language.
    let media = words(&[0, 0, 0, TIMESCALE, sample.duration, 0x55c4_0000]);
    let mut handler = words(&[0, 0]);
    handler.extend(b"vide");
    handler.extend(words(&[0, 0, 0]));
    handler.push(0);
    let reference = [words(&[0, 1]), atom(b"url ", &words(&[1]))].concat();
    let info =
        [atom(b"vmhd", &words(&[1, 0, 0])), atom(b"dinf", &atom(b"dref", &reference)), atom(b"stbl", &table(sample))]
            .concat();
    let media = [atom(b"mdhd", &media), atom(b"hdlr", &handler), atom(b"minf", &info)].concat();
    atom(b"trak", &[atom(b"tkhd", &header), atom(b"mdia", &media)].concat())
}

fn table(sample: &Sample) -> Vec<u8> {
    let mut entry = words(&[0, 1]);
    entry.extend([0; 16]);
    entry.extend(sample.width.to_be_bytes());
    entry.extend(sample.height.to_be_bytes());
    // 72 dots an inch, one frame a sample.
    entry.extend(words(&[0x48_0000, 0x48_0000, 0]));
    entry.extend(1u16.to_be_bytes());
    entry.extend([0; 32]);
    // 24 bits, no table of colours.
    entry.extend([0, 24, 0xff, 0xff]);
    entry.extend(elementary());
    [
        atom(b"stsd", &[words(&[0, 1]), atom(b"mp4v", &entry)].concat()),
        atom(b"stts", &words(&[0, 1, 1, sample.duration])),
        atom(b"stsc", &words(&[0, 1, 1, 1, 1])),
        atom(b"stsz", &words(&[0, sample.length, 1])),
        atom(b"stco", &words(&[0, 1, sample.place])),
    ]
    .concat()
}

/// What the samples are: object type 0x6C, JPEG pictures.
fn elementary() -> Vec<u8> {
    let mut config = vec![0x6c, 0x11, 0, 0, 0];
    config.extend(words(&[0, 0]));
    let mut descriptor = vec![0, 1, 0, 4, config.len() as u8];
    descriptor.extend(config);
    descriptor.extend([6, 1, 2]);
    let mut out = vec![0, 0, 0, 0, 3, descriptor.len() as u8];
    out.extend(descriptor);
    atom(b"esds", &out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a file, or of a part: name and content.
    fn atoms(mut bytes: &[u8]) -> Vec<(String, &[u8])> {
        let mut found = Vec::new();
        while bytes.len() >= 8 {
            let length = u32::from_be_bytes(bytes[..4].try_into().expect("four bytes")) as usize;
            found.push((String::from_utf8_lossy(&bytes[4..8]).into_owned(), &bytes[8..length]));
            bytes = &bytes[length..];
        }
        assert!(bytes.is_empty(), "parts fill the file");
        found
    }

    fn inside<'a>(bytes: &'a [u8], path: &[&str]) -> &'a [u8] {
        path.iter().fold(bytes, |bytes, name| {
            atoms(bytes).into_iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("no {name}")).1
        })
    }

    #[test]
    fn a_film_says_where_its_picture_is_and_for_how_long() {
        let film = still(b"picture", 1280, 720, 4);
        assert_eq!(atoms(&film).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["ftyp", "mdat", "moov"]);
        let table = inside(&film, &["moov", "trak", "mdia", "minf", "stbl"]);
        let number = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let place = number(inside(table, &["stco"]), 8) as usize;
        let length = number(inside(table, &["stsz"]), 4) as usize;
        assert_eq!(&film[place..place + length], b"picture");
        assert_eq!(number(inside(table, &["stts"]), 12), 4_000);
        let header = inside(&film, &["moov", "trak", "tkhd"]);
        assert_eq!((header.len(), number(header, 76) >> 16, number(header, 80) >> 16), (84, 1280, 720));
        assert_eq!(inside(&film, &["moov", "mvhd"]).len(), 100);
    }
}
