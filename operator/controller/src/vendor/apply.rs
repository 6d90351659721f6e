//! Step 4: the namespace in Kubernetes, with its rule.

use crate::apply::{ApplyError, object};
use crate::controller::{Context, manager};
use crate::plane::Object;

/// # Errors
/// When the API server refuses it or cannot be asked.
pub async fn apply(context: &Context, objects: [Object; 2]) -> Result<(), ApplyError> {
    for one in objects {
        object(&context.client, &manager::<super::Vendors>(), one).await?;
    }
    Ok(())
}
