//! The parser of `/proc/net/softnet_stat`: what CPUs did with packets before any protocol did.

use perfwatch_core::{Block, metric_table};

use crate::parse::ParseError;

metric_table! {
    /// Packets as CPUs take them from the interfaces, before any protocol looks at them.
    pub table host: network.softnet {
        /// Packets processed.
        processed: Counter Count,
        /// Packets thrown away because the queue of a CPU was full.
        dropped: Counter Count,
        /// Rounds that ended with packets left because their time or their share was used up.
        time_squeezed: Counter Count,
    }
}

/// No kernel knows more CPUs; a hostile file must not take more memory.
const MOST_CPUS: usize = 8192;

/// The columns that count: packets processed, dropped, and rounds cut short.
const COUNTED: usize = 3;

/// The column of the CPU's number, which kernels have since 5.10.
const CPU: usize = 12;

/// Adds up what the counters of all CPUs grew by: each has 32 bits, and a sum of such numbers
/// would not wrap where they do.
#[derive(Default)]
pub(super) struct Softnet {
    cpus: Vec<Option<[u32; COUNTED]>>,
    sums: [u64; COUNTED],
}

impl Softnet {
    /// Reads a line per CPU and writes the sums.
    pub(super) fn parse(&mut self, bytes: &[u8], block: &mut Block) -> Result<(), ParseError> {
        let reason = "expected columns of eight digits of the same number in every line";
        let length = bytes.iter().position(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if length < 9 * COUNTED || !bytes.len().is_multiple_of(length) {
            return Err(ParseError { line: 0, reason });
        }
        let first = self.cpus.is_empty();
        for (index, line) in bytes.chunks_exact(length).enumerate().take(MOST_CPUS) {
            let mut counts = [0; COUNTED];
            for (at, count) in counts.iter_mut().enumerate() {
                *count = column(line, at).ok_or(ParseError::at(index, reason))?;
            }
            let cpu = column(line, CPU).map_or(index, |cpu| cpu as usize);
            self.add(cpu, counts, first);
        }
        let mut row = block.host_row();
        let fields = [host::processed, host::dropped, host::time_squeezed];
        fields.into_iter().zip(self.sums).for_each(|(field, sum)| row.set(field, sum));
        Ok(())
    }

    fn add(&mut self, cpu: usize, counts: [u32; COUNTED], first: bool) {
        if cpu >= MOST_CPUS {
            return;
        }
        if cpu >= self.cpus.len() {
            self.cpus.resize(cpu + 1, None);
        }
        let Some(slot) = self.cpus.get_mut(cpu) else { return };
        let before = slot.replace(counts);
        for (index, (sum, now)) in self.sums.iter_mut().zip(counts).enumerate() {
            let grown = match before.and_then(|before| before.get(index).copied()) {
                Some(before) => now.wrapping_sub(before),
                // A CPU that comes later brings the history of its last time along.
                None => {
                    if first {
                        now
                    } else {
                        0
                    }
                }
            };
            // Half of all numbers in one step is a step back.
            *sum += if grown < 1 << 31 || before.is_none() { u64::from(grown) } else { 0 };
        }
    }
}

/// A column of eight hexadecimal digits and a space.
fn column(line: &[u8], index: usize) -> Option<u32> {
    let digits = line.get(9 * index..9 * index + 8)?;
    digits
        .iter()
        .try_fold(0, |number: u32, &digit| Some(number << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cpu: Option<u32>, counts: [u32; 3]) -> String {
        let mut columns = counts.to_vec();
        columns.resize(12, 0);
        columns.extend(cpu);
        let columns: Vec<_> = columns.iter().map(|count| format!("{count:08x}")).collect();
        columns.join(" ") + "\n"
    }

    fn sums(softnet: &mut Softnet, text: &str) -> Option<[i64; 3]> {
        let mut block = Block::new(&host::TABLE);
        softnet.parse(text.as_bytes(), &mut block).ok()?;
        Some([
            block.value(0, host::processed),
            block.value(0, host::dropped),
            block.value(0, host::time_squeezed),
        ])
    }

    #[test]
    fn counters_of_32_bits_wrap_cpu_by_cpu() {
        let mut softnet = Softnet::default();
        let both = |a, b| line(Some(0), a) + &line(Some(1), b);
        let most = u32::MAX;
        assert_eq!(sums(&mut softnet, &both([most, 1, 0], [5, 0, 2])), Some([(1 << 32) + 4, 1, 2]));
        assert_eq!(sums(&mut softnet, &both([9, 2, 0], [6, 0, 2])), Some([(1 << 32) + 15, 2, 2]));
    }

    #[test]
    fn a_cpu_that_goes_and_comes_back_moves_no_other() {
        let mut softnet = Softnet::default();
        let lines = |cpus: &[(u32, u32)]| -> String {
            cpus.iter().map(|&(cpu, count)| line(Some(cpu), [count, 0, 0])).collect()
        };
        assert_eq!(sums(&mut softnet, &lines(&[(0, 10), (1, 1000), (2, 7)])), Some([1017, 0, 0]));
        assert_eq!(sums(&mut softnet, &lines(&[(0, 11), (2, 8)])), Some([1019, 0, 0]));
        let later = lines(&[(0, 12), (1, 1003), (2, 9), (3, 500)]);
        assert_eq!(sums(&mut softnet, &later), Some([1024, 0, 0]));
        assert_eq!(
            sums(&mut softnet, &lines(&[(0, 2), (2, 9)])),
            Some([1024, 0, 0]),
            "a step back"
        );
    }

    #[test]
    fn old_kernels_have_no_cpu_number_and_odd_files_are_refused() {
        let text = line(None, [1, 2, 3]) + &line(None, [10, 20, 30]);
        assert_eq!(sums(&mut Softnet::default(), &text), Some([11, 22, 33]));
        for cut in 0..text.len() {
            let fine = cut == text.len() / 2;
            assert_eq!(sums(&mut Softnet::default(), &text[..cut]).is_some(), fine, "cut at {cut}");
        }
        assert_eq!(sums(&mut Softnet::default(), &text.replace('0', "x")), None);
        let hostile = line(Some(u32::MAX), [1, 1, 1]);
        assert_eq!(sums(&mut Softnet::default(), &hostile), Some([0, 0, 0]));
    }
}
