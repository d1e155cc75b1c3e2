//! `publish`: puts the event of a finished run, prints its metrics, and rewrites the page of all runs.

mod handler;
mod settings;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use handler::Handler;
use settings::Settings;

#[tokio::main]
async fn main() -> Result<(), Error> {
    dicomperf_aws::logs::init();
    let config = dicomperf_aws::clients::function_configuration()?;
    let handler = &Handler::new(&config, Settings::read()?);
    run(service_fn(|event: LambdaEvent<_>| handler.handle(event.payload))).await
}
