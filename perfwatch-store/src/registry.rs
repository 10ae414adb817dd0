//! Which machine writes under which name.

use std::{collections::BTreeMap, sync::Arc};

use crate::{HostIdentity, StoreError};

/// A machine that registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) id: Arc<str>,
    pub(crate) interval_ms: u64,
    pub(crate) version: Arc<str>,
}

impl Machine {
    /// A checksum of it and of the name that it has, so that nobody gets another's name by a
    /// flipped bit.
    pub(crate) fn check(&self, name: &str) -> u32 {
        let Self { id, interval_ms, version } = self;
        let mut hasher = crc32fast::Hasher::new();
        for text in [name, id, &interval_ms.to_string(), version] {
            hasher.update(text.as_bytes());
            hasher.update(&[0xff]);
        }
        hasher.finalize()
    }
}

impl From<&HostIdentity> for Machine {
    fn from(host: &HostIdentity) -> Self {
        let HostIdentity { id, interval_ms, version, .. } = host;
        Self { id: Arc::clone(id), interval_ms: *interval_ms, version: Arc::clone(version) }
    }
}

/// The machines by the names that their frames are kept under.
#[derive(Debug, Default)]
pub(crate) struct Registry(BTreeMap<Arc<str>, Machine>);

impl Registry {
    /// The machine that has this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Machine> {
        self.0.get(name)
    }

    pub(crate) fn insert(&mut self, name: Arc<str>, machine: Machine) {
        self.0.insert(name, machine);
    }

    /// The name for a machine: the one it has, else the first that nobody has. Where even the
    /// distinct one is another's, the whole id tells them apart.
    ///
    /// # Errors
    /// [`StoreError::BadQuery`] if other machines have all of them.
    pub(crate) fn name_for(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        let distinct: Arc<str> = host.distinct_name().into();
        let whole: Arc<str> = format!("{}-{}", host.name, host.id).into();
        let names = [&host.name, &distinct, &whole];
        let is_own =
            |name: &&&Arc<str>| self.get(name).is_some_and(|machine| machine.id == host.id);
        let is_free = |name: &&&Arc<str>| self.get(name).is_none();
        let name = names.iter().find(is_own).or_else(|| names.iter().find(is_free));
        name.map(|name| Arc::clone(name)).ok_or_else(|| {
            let reason = format!(
                "other machines write as `{}` and as `{whole}`; choose another name",
                host.name
            );
            StoreError::bad_query("host", reason)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, id: &str) -> HostIdentity {
        let (name, id) = (name.into(), id.into());
        HostIdentity { name, id, interval_ms: 5000, version: "1".into() }
    }

    #[test]
    fn a_machine_keeps_the_name_it_has() {
        let mut registry = Registry::default();
        let second = host("a", "2222222233333333");
        registry.insert("a-22222222".into(), Machine::from(&second));
        // Also where the first machine's entry is lost.
        assert_eq!(&*registry.name_for(&second).unwrap(), "a-22222222");
        assert_eq!(&*registry.name_for(&host("a", "11")).unwrap(), "a");
    }

    #[test]
    fn where_all_names_are_others_it_says_so() {
        let mut registry = Registry::default();
        for (name, id) in [("a", "1"), ("a-22222222", "3")] {
            registry.insert(name.into(), Machine::from(&host(name, id)));
        }
        let second = host("a", "222222223");
        assert_eq!(&*registry.name_for(&second).unwrap(), "a-222222223");
        registry.insert("a-222222223".into(), Machine::from(&host("a-222222223", "4")));
        let error = registry.name_for(&second).unwrap_err().to_string();
        let expected =
            "bad host: other machines write as `a` and as `a-222222223`; choose another name";
        assert_eq!(error, expected);
    }
}
