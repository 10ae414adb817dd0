//! Bandwidth monitoring of resctrl (Documentation/filesystems/resctrl.rst), where it is mounted.

use std::path::PathBuf;

use perfwatch_core::Block;

use super::domains;
use crate::{
    Roots, Source,
    parse::{first_number, number},
    sysfs::{entries, file_name},
};

/// The last-level caches whose traffic is counted, their files kept open.
#[derive(Default)]
pub(super) struct Domains {
    domains: Vec<Domain>,
    lost: bool,
}

struct Domain {
    name: String,
    total: Option<Source>,
    local: Option<Source>,
}

impl Domains {
    /// The domains of the default group: `mon_data/mon_L3_00`, one for each cache.
    pub(super) fn find(roots: &Roots) -> Self {
        let folders = entries(&roots.sys("fs/resctrl/mon_data"));
        let domain = |folder: &PathBuf| {
            let digits = file_name(folder).strip_prefix("mon_L3_")?;
            let name = number(digits.as_bytes())?.to_string();
            let file = |file: &str| {
                let path = folder.join(file);
                path.exists().then(|| Source::new(path))
            };
            let (total, local) = (file("mbm_total_bytes"), file("mbm_local_bytes"));
            (total.is_some() || local.is_some()).then_some(Domain { name, total, local })
        };
        Self { domains: folders.iter().filter_map(domain).collect(), lost: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// Whether some are gone: their CPUs went away, or resctrl was unmounted.
    pub(super) fn are_lost(&self) -> bool {
        self.lost
    }

    /// Makes a row per domain. The hardware may have no value now (`Unavailable`): it is missing.
    pub(super) fn read(&mut self, block: &mut Block) {
        for domain in &mut self.domains {
            let mut row = block.push_row(&domain.name);
            let files = [
                (domains::transferred_bytes, &mut domain.total),
                (domains::local_bytes, &mut domain.local),
            ];
            for (field, file) in files {
                let Some(source) = file else { continue };
                match source.read() {
                    Ok(bytes) => row.set_opt(field, first_number(bytes)),
                    Err(_) => {
                        *file = None;
                        self.lost = true;
                    }
                }
            }
        }
    }
}
