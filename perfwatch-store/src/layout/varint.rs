//! Integers in as few bytes as they need: seven bits a byte, the lowest first; signed ones folded
//! so that small negative numbers are short too.

/// Appends a number.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends a sum, which may need more than 64 bits.
pub(crate) fn put_wide(out: &mut Vec<u8>, value: i128) {
    let mut folded = ((value << 1) ^ (value >> 127)) as u128;
    while folded >= 0x80 {
        out.push(folded as u8 | 0x80);
        folded >>= 7;
    }
    out.push(folded as u8);
}

/// Reads numbers off the front of some bytes; nothing behind their end.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl Reader<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        // Most numbers of a frame are one byte.
        if let [byte, rest @ ..] = self.0
            && *byte < 0x80
        {
            self.0 = rest;
            return Some(u64::from(*byte));
        }
        u64::try_from(self.folded()?).ok()
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        let folded = self.number()?;
        Some((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    pub(crate) fn wide(&mut self) -> Option<i128> {
        let folded = self.folded()?;
        Some((folded >> 1) as i128 ^ -((folded & 1) as i128))
    }

    fn folded(&mut self) -> Option<u128> {
        let (mut value, mut shift) = (0_u128, 0_u32);
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u128::from(byte & 0x7f).checked_shl(shift)?;
            if *byte < 0x80 {
                return Some(value);
            }
            shift += 7;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_survive_the_way_there_and_back(a: u64, b: i64, c: i128) {
            let mut bytes = Vec::new();
            put(&mut bytes, a);
            put_signed(&mut bytes, b);
            put_wide(&mut bytes, c);
            let mut reader = Reader(&bytes);
            prop_assert_eq!(reader.number(), Some(a));
            prop_assert_eq!(reader.signed(), Some(b));
            prop_assert_eq!(reader.wide(), Some(c));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let mut reader = Reader(&bytes);
            while reader.number().is_some() {}
            let mut reader = Reader(&bytes);
            while reader.wide().is_some() {}
        }
    }
}
