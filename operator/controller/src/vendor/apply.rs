//! Step 4: the namespace in Kubernetes.

use crate::apply::{ApplyError, object};
use crate::controller::{Context, manager};
use crate::plane::Object;

/// # Errors
/// When the API server refuses it or cannot be asked.
pub async fn apply(context: &Context, namespace: Object) -> Result<(), ApplyError> {
    object(&context.client, &manager::<super::Vendors>(), namespace).await?;
    Ok(())
}
