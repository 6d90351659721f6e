//! OpenBao as the bootstrap speaks to it: one token, errors with the path and OpenBao's own words.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::kubernetes::endpoint::{Answer, Endpoint, EndpointError};

/// A server, a token (after log-in) and a namespace (root when absent).
pub struct OpenBao {
    endpoint: Endpoint,
    token: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenBaoError {
    #[error("OpenBao cannot be reached")]
    Unreachable(#[source] EndpointError),
    #[error("OpenBao refused `{path}` (status {status}): {text}")]
    Refused { path: String, status: u16, text: String },
    #[error("the answer of OpenBao to `{path}` has no `{field}`")]
    Missing { path: String, field: &'static str },
}

impl OpenBao {
    pub const fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            token: None,
        }
    }

    /// Logs in with a ServiceAccount token. `Ok(false)`: there is no such role (any more).
    ///
    /// # Errors
    /// Any other refusal.
    pub async fn log_in(&mut self, role: &str, jwt: &str) -> Result<bool, OpenBaoError> {
        let path = "auth/kubernetes/login";
        let answer = self
            .send(
                None,
                Method::POST,
                path,
                Some(&json!({ "role": role, "jwt": jwt })),
            )
            .await?;
        let text = error_text(&answer.body);
        if answer.status == StatusCode::BAD_REQUEST && text.contains("invalid role name") {
            return Ok(false);
        }
        let body = success(path, answer)?;
        self.token = Some(string(path, &body, "/auth/client_token", "auth.client_token")?);
        Ok(true)
    }

    /// Logs in as a person in a namespace; the token replaces the current one.
    ///
    /// # Errors
    /// See [`OpenBaoError`].
    pub async fn log_in_person(
        &mut self,
        namespace: &str,
        name: &str,
        password: &str,
    ) -> Result<(), OpenBaoError> {
        let path = format!("auth/userpass/login/{name}");
        let answer = self
            .send(
                Some(namespace),
                Method::POST,
                &path,
                Some(&json!({ "password": password })),
            )
            .await?;
        let body = success(&path, answer)?;
        self.token = Some(string(&path, &body, "/auth/client_token", "auth.client_token")?);
        Ok(())
    }

    /// # Errors
    /// See [`OpenBaoError`].
    pub async fn write(&self, path: &str, body: &Value) -> Result<Value, OpenBaoError> {
        self.write_in(None, path, body).await
    }

    /// # Errors
    /// See [`OpenBaoError`].
    pub async fn write_in(
        &self,
        namespace: Option<&str>,
        path: &str,
        body: &Value,
    ) -> Result<Value, OpenBaoError> {
        success(path, self.send(namespace, Method::POST, path, Some(body)).await?)
    }

    /// As [`OpenBao::write_in`]; what is there already is left as it is.
    ///
    /// # Errors
    /// See [`OpenBaoError`].
    pub async fn mount_in(
        &self,
        namespace: Option<&str>,
        path: &str,
        body: &Value,
    ) -> Result<(), OpenBaoError> {
        match self.write_in(namespace, path, body).await {
            Ok(_) => Ok(()),
            Err(OpenBaoError::Refused {
                status: 400, text, ..
            }) if text.contains("already in use") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// # Errors
    /// See [`OpenBaoError`].
    pub async fn read(&self, path: &str) -> Result<Value, OpenBaoError> {
        self.read_in(None, path).await
    }

    /// # Errors
    /// See [`OpenBaoError`].
    pub async fn read_in(&self, namespace: Option<&str>, path: &str) -> Result<Value, OpenBaoError> {
        success(path, self.send(namespace, Method::GET, path, None).await?)
    }

    /// # Errors
    /// See [`OpenBaoError`]; what is not there is deleted.
    pub async fn delete(&self, path: &str) -> Result<(), OpenBaoError> {
        match success(path, self.send(None, Method::DELETE, path, None).await?) {
            Ok(_) | Err(OpenBaoError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The cluster's id, which tells one OpenBao from another.
    ///
    /// # Errors
    /// See [`OpenBaoError`]; a sealed or starting server is a refusal with its status.
    pub async fn cluster_id(&self) -> Result<String, OpenBaoError> {
        let path = "sys/health?standbyok=true";
        let body = success(path, self.send(None, Method::GET, path, None).await?)?;
        string(path, &body, "/cluster_id", "cluster_id")
    }

    async fn send(
        &self,
        namespace: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, OpenBaoError> {
        let mut headers = vec![("x-vault-request", "true")];
        if let Some(namespace) = namespace {
            headers.push(("x-vault-namespace", namespace));
        }
        if let Some(token) = &self.token {
            headers.push(("x-vault-token", token));
        }
        self.endpoint
            .call(method, &format!("/v1/{path}"), &headers, body)
            .await
            .map_err(OpenBaoError::Unreachable)
    }
}

/// A text in an answer.
///
/// # Errors
/// [`OpenBaoError::Missing`].
pub fn string(path: &str, body: &Value, pointer: &str, field: &'static str) -> Result<String, OpenBaoError> {
    body.pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| OpenBaoError::Missing {
            path: path.to_owned(),
            field,
        })
}

fn success(path: &str, answer: Answer) -> Result<Value, OpenBaoError> {
    if answer.status.is_success() {
        return Ok(answer.body);
    }
    Err(OpenBaoError::Refused {
        path: path.to_owned(),
        status: answer.status.as_u16(),
        text: error_text(&answer.body),
    })
}

fn error_text(body: &Value) -> String {
    let texts = body
        .get("errors")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let text: Vec<&str> = texts.iter().filter_map(Value::as_str).collect();
    text.join("; ").split_whitespace().collect::<Vec<_>>().join(" ")
}
