//! What every command works with: a client, and the steps that all writes share.

use anyhow::{Result, anyhow};
use asterism_api::{Class, Client, Failure, client::Unary, convert::request_id_to_proto, v1};
use asterism_model::{Operation, RequestId};
use tokio::time::Instant;

use crate::{
    args::{RequestIdArg, Stage, WriteArgs},
    connection::ConnectionArgs,
    output,
    view::receipt::ReceiptView,
    wait::{self, moves::Goal},
};

/// The client of one command.
pub struct Context {
    pub client: Client,
}

impl Context {
    pub fn connect(connection: &ConnectionArgs) -> Result<Self> {
        Ok(Self { client: connection.client()? })
    }

    /// Makes a change once, waits for as long as was asked, and shows the receipt. `done` says in words what was done.
    pub async fn write(&mut self, args: &WriteArgs, operation: &Operation, done: String) -> Result<()> {
        self.write_and_reach(args, operation, None, done).await
    }

    /// The same, and waits for a planned move to end before the hosts are looked at.
    pub async fn write_and_reach(
        &mut self,
        args: &WriteArgs,
        operation: &Operation,
        goal: Option<Goal>,
        done: String,
    ) -> Result<()> {
        let receipt = self.commit(args, operation).await?;
        self.reach(args, &receipt, goal, done).await
    }

    /// What follows a change that was committed: the wait that was asked for, and the receipt.
    pub async fn reach(
        &mut self,
        args: &WriteArgs,
        receipt: &v1::Receipt,
        goal: Option<Goal>,
        done: String,
    ) -> Result<()> {
        if args.wait != Stage::Committed {
            let deadline = Instant::now() + args.wait_timeout;
            if let Some(goal) = goal {
                wait::moves::until(&mut self.client, &goal, args.wait_timeout).await?;
            }
            wait::until(&mut self.client, receipt.revision, deadline, args).await?;
        }
        let view = ReceiptView::new(receipt, args.wait.as_str(), done);
        output::data(&output::item(args.output.output, Some(receipt.index), &view)?)
    }

    async fn commit(&mut self, args: &WriteArgs, operation: &Operation) -> Result<v1::Receipt> {
        let request_id = self.request_id(args).await?;
        let written = self.client.write_as(request_id, operation).await;
        written.map_err(|failure| explained(request_id, failure))
    }

    /// A write that is a call of its own.
    pub async fn commit_as<R: Unary>(
        &mut self,
        args: &WriteArgs,
        request: impl FnOnce(v1::RequestId) -> R,
    ) -> Result<R::Answer> {
        let request_id = self.request_id(args).await?;
        let request = request(request_id_to_proto(request_id));
        let answer = self.client.call_as(request_id, request).await;
        answer.map_err(|failure| explained(request_id, failure))
    }

    async fn request_id(&mut self, args: &WriteArgs) -> Result<RequestId> {
        match args.request_id {
            Some(RequestIdArg(given)) => Ok(given),
            None => Ok(self.client.next_request_id().await?),
        }
    }
}

/// With what to do where the outcome is unknown.
fn explained(request_id: RequestId, failure: Failure) -> anyhow::Error {
    match failure.class {
        // After its session is gone, the same identity tells no more.
        Class::OutcomeUnknown if failure.reason != "unknown_session" => {
            let id = RequestIdArg(request_id);
            anyhow!(
                failure.with_hint(format_args!("run it again with --request-id {id} to learn the outcome"))
            )
        }
        Class::OutcomeUnknown
        | Class::Refused
        | Class::NotFound
        | Class::Unavailable
        | Class::NotPermitted
        | Class::Internal => failure.into(),
    }
}

/// The one thing of an answer to a request that named it.
///
/// # Errors
/// The server did not keep to the API: it answers NOT_FOUND where there is none.
pub fn only<T>(mut things: Vec<T>) -> Result<T> {
    match (things.pop(), things.is_empty()) {
        (Some(thing), true) => Ok(thing),
        _ => Err(anyhow!("one thing was asked for, and the answer holds another number of them")),
    }
}
