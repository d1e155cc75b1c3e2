//! `api`: runs over HTTP. Who may ask is IAM's to say, at the gateway.

mod answer;
mod handler;
mod settings;

use lambda_http::{Error, Request, run, service_fn};

use handler::Handler;
use settings::Settings;

#[tokio::main]
async fn main() -> Result<(), Error> {
    dicomperf::aws::logs::init();
    let config = dicomperf::aws::function_configuration()?;
    let handler = &Handler::new(&config, Settings::read()?);
    run(service_fn(|request: Request| handler.handle(request))).await
}
