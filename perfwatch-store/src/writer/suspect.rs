//! The way to the one bad frame of a batch: halves.

/// How many of the frames at the front hold one, at least, that the store does not take.
#[derive(Debug, Default)]
pub(super) struct Suspect(Option<usize>);

impl Suspect {
    /// How many frames to try next, of at most so many.
    pub(super) fn most(&self, batch: usize) -> usize {
        self.0.map_or(batch, |count| (count / 2).clamp(1, batch))
    }

    /// So many were taken: the bad one is behind them.
    pub(super) fn taken(&mut self, count: usize) {
        self.0 = self.0.and_then(|suspect| suspect.checked_sub(count)).filter(|left| *left > 0);
    }

    /// So many were refused; says whether the bad one is alone now.
    pub(super) fn refused(&mut self, count: usize) -> bool {
        self.0 = (count > 1).then_some(count);
        count == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_tries_find_it_wherever_it_is() {
        for bad in 0..256 {
            let (mut suspect, mut front, mut tries) = (Suspect::default(), 0, 0);
            loop {
                tries += 1;
                let count = suspect.most(256);
                if !(front..front + count).contains(&bad) {
                    suspect.taken(count);
                    front += count;
                } else if suspect.refused(count) {
                    break;
                }
            }
            assert_eq!(front, bad);
            assert!(tries <= 17, "{tries} tries for {bad}");
            assert_eq!(suspect.most(256), 256);
        }
    }
}
