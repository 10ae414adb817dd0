//! What the server must remember.

use std::time::Duration;

use perfwatch_store::{Accounts, RetentionPolicy, RetentionPolicyUpdate, StoreError};

pub(crate) async fn names_are_taken_once(accounts: &dyn Accounts) {
    assert_eq!(accounts.user_count().await.unwrap(), 0);
    assert_eq!(accounts.user("admin").await.unwrap(), None);
    let user = accounts.create_user("admin", "hash 1").await.unwrap();
    assert!(user.created_at_ms > 1_700_000_000_000);
    assert_eq!(accounts.user("admin").await.unwrap().as_ref(), Some(&user));
    assert!(!format!("{user:?}").contains("hash"), "a hash belongs in no log");
    let error = accounts.create_user("admin", "hash 2").await.unwrap_err();
    assert!(matches!(error, StoreError::UserExists { .. }));
    assert_eq!(error.to_string(), "user `admin` exists already");
    accounts.create_user("' OR 1=1", "hash").await.unwrap();
    assert_eq!(accounts.user_count().await.unwrap(), 2);
    assert_eq!(accounts.user("Admin").await.unwrap(), None);
}

pub(crate) async fn a_new_password_ends_sessions_and_a_new_hash_does_not(accounts: &dyn Accounts) {
    let user = accounts.create_user("a", "old").await.unwrap();
    accounts.create_user("b", "other").await.unwrap();
    assert!(accounts.rehash_password("a", "old", "stronger").await.unwrap());
    let rehashed = accounts.user("a").await.unwrap().unwrap();
    assert_eq!(
        (rehashed.password_hash.as_str(), rehashed.generation),
        ("stronger", user.generation)
    );

    let changed = accounts.change_password("a", "new").await.unwrap();
    assert_eq!(changed.password_hash, "new");
    assert!(changed.generation > user.generation);
    // A login that began before the change must not bring the old password back.
    assert!(!accounts.rehash_password("a", "stronger", "old again").await.unwrap());
    assert_eq!(accounts.user("a").await.unwrap(), Some(changed));
    assert_eq!(accounts.user("b").await.unwrap().unwrap().password_hash, "other");

    let error = accounts.change_password("c", "new").await.unwrap_err();
    assert!(matches!(error, StoreError::NoSuchUser { .. }));
    let error = accounts.rehash_password("c", "x", "y").await.unwrap_err();
    assert!(matches!(error, StoreError::NoSuchUser { .. }));
}

/// A token names its user's generation: one of another store must not be good here.
pub(crate) async fn generations_start_anywhere(one: &dyn Accounts, other: &dyn Accounts) {
    let first = one.create_user("admin", "hash").await.unwrap().generation;
    let second = other.create_user("admin", "hash").await.unwrap().generation;
    assert_ne!(first, second);
    for generation in [first, second] {
        // A token is JSON, in which larger whole numbers are not exact.
        assert!((1..1 << 53).contains(&generation), "{generation}");
    }
    let changed = one.change_password("admin", "new").await.unwrap();
    assert_eq!(changed.generation, first + 1);
}

pub(crate) async fn ended_sessions_are_remembered_until_they_would_end(accounts: &dyn Accounts) {
    accounts.revoke_session("one", 1000).await.unwrap();
    accounts.revoke_session("two", 2000).await.unwrap();
    accounts.revoke_session("two", 2000).await.unwrap();
    assert_eq!(accounts.purge_revoked_sessions(1000).await.unwrap(), 1);
    assert!(!accounts.is_session_revoked("one").await.unwrap());
    assert!(accounts.is_session_revoked("two").await.unwrap());
    assert!(!accounts.is_session_revoked("three").await.unwrap());
}

pub(crate) async fn configuration_is_kept(accounts: &dyn Accounts) {
    assert_eq!(accounts.config("secret").await.unwrap(), None);
    accounts.set_config("secret", "1").await.unwrap();
    accounts.set_config("secret", "").await.unwrap();
    accounts.set_config("other", "ü").await.unwrap();
    assert_eq!(accounts.config("secret").await.unwrap().as_deref(), Some(""));
    assert_eq!(accounts.config("other").await.unwrap().as_deref(), Some("ü"));
}

pub(crate) async fn a_policy_changes_field_by_field(accounts: &dyn Accounts) {
    let default = RetentionPolicy::default();
    assert_eq!(accounts.retention_policy().await.unwrap(), default);
    let none = RetentionPolicyUpdate::default;
    let updates = [
        RetentionPolicyUpdate { full_resolution_days: Some(7), ..none() },
        RetentionPolicyUpdate { max_bytes: Some(Some(1 << 40)), ..none() },
        RetentionPolicyUpdate { downsample_interval: Some(Duration::from_secs(3600)), ..none() },
    ];
    for update in updates {
        accounts.update_retention_policy(&update).await.unwrap();
    }
    let mut expected = RetentionPolicy {
        full_resolution_days: 7,
        downsample_interval: Duration::from_secs(3600),
        downsampled_days: default.downsampled_days,
        max_bytes: Some(1 << 40),
    };
    assert_eq!(accounts.retention_policy().await.unwrap(), expected);

    let bad = RetentionPolicyUpdate { downsampled_days: Some(6), ..none() };
    let error = accounts.update_retention_policy(&bad).await.unwrap_err();
    assert!(matches!(error, StoreError::BadPolicy { key: "downsampled_days", .. }));
    let unbounded = RetentionPolicyUpdate { max_bytes: Some(None), ..none() };
    expected.max_bytes = None;
    assert_eq!(accounts.update_retention_policy(&unbounded).await.unwrap(), expected);
    assert_eq!(accounts.retention_policy().await.unwrap(), expected);
}
