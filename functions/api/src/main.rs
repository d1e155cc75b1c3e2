//! `api`: starts and shows runs over HTTP. IAM authorizes each request at the gateway.

mod answer;
mod handler;
mod settings;

use lambda_http::{Error, Request, run, service_fn};

use handler::Handler;
use settings::Settings;

#[tokio::main]
async fn main() -> Result<(), Error> {
    dicomperf_aws::logs::init();
    let config = dicomperf_aws::clients::function_configuration()?;
    let handler = &Handler::new(&config, Settings::read()?);
    run(service_fn(|request: Request| handler.handle(request))).await
}
