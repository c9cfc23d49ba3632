//! People search: names and account ids, nothing else.

use sotto_protocol::api::People;
use sotto_protocol::{UserName, limits};

use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::limits::Limit;

impl Backend {
    /// Names that begin with the query, then those that contain it.
    ///
    /// # Errors
    /// `too_many_tries`, `unavailable`.
    pub async fn search_people(&self, ctx: &RequestContext, caller: &Caller, query: &str) -> Result<People, ServiceError> {
        self.0.limits.take(ctx.now, &[Limit::PeopleSearch(caller.account)])?;
        let part = query.trim().to_ascii_lowercase();
        let of_names = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        // What no name contains finds nobody; it also never reaches the database as a pattern.
        if part.is_empty() || part.len() > UserName::MAX || !part.bytes().all(of_names) {
            return Ok(People { people: Vec::new() });
        }
        let most = u32::try_from(limits::SEARCH_RESULTS).unwrap_or(u32::MAX);
        Ok(People { people: self.0.store.search_people(&part, most).await? })
    }
}
