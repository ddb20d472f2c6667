//! A stream that outlives the replica that serves it.

use tonic::Streaming;

use super::{Client, ServerStreaming};
use crate::{Class, Failure};

/// The answers to one request, taken up at another replica where a stream breaks.
pub struct Follow<'a, R: ServerStreaming> {
    client: &'a mut Client,
    request: R,
    stream: Streaming<R::Item>,
    last: Option<R::Item>,
}

impl<'a, R: ServerStreaming> Follow<'a, R> {
    pub(super) async fn open(client: &'a mut Client, request: R) -> Result<Self, Failure> {
        let stream = client.open_stream(&request).await?;
        Ok(Self { client, request, stream, last: None })
    }

    /// The next answer; `None` after the last one. Waits for as long as the stream is silent: how long that may be is
    /// the caller's to say.
    ///
    /// # Errors
    /// What a replica answered to the request; or nobody could take the stream up within the client's time-out.
    pub async fn next(&mut self) -> Result<Option<R::Item>, Failure> {
        loop {
            match self.stream.message().await {
                Ok(Some(item)) => {
                    self.request.advance(&item);
                    self.last = Some(item.clone());
                    return Ok(Some(item));
                }
                Ok(None) if self.request.is_complete(self.last.as_ref()) => return Ok(None),
                Ok(None) => {}
                Err(status) => {
                    let failure = Failure::from_status(&status);
                    if failure.class != Class::Unavailable {
                        return Err(failure);
                    }
                    if let Some(leader) = failure.leader {
                        self.client.preferred = Some(leader);
                    }
                }
            }
            // A replica that ends every stream at once must not be asked in a tight loop.
            tokio::time::sleep(super::PAUSE_MIN).await;
            self.stream = self.client.open_stream(&self.request).await?;
        }
    }
}
