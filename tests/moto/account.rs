//! An account, and the resources of a stack in it.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, Projection, ProjectionType,
    ScalarAttributeType,
};
use aws_sdk_ssm::types::ParameterType;
use dicomperf_aws::clients::artifacts::Artifacts;
use dicomperf_aws::clients::records::Records;
use dicomperf_aws::clients::s3_client;
use serde_yaml_ng::Value;

use crate::moto::Moto;

/// SSM parameter with the AMI of the hosts.
pub const AMI_PARAMETER: &str = "/hosts/ami";

/// An account. Each stack in it has its own bucket and table.
pub struct Account {
    pub moto: Moto,
    pub s3: aws_sdk_s3::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub ec2: aws_sdk_ec2::Client,
    pub ssm: aws_sdk_ssm::Client,
    pub quotas: aws_sdk_servicequotas::Client,
}

impl Account {
    /// Starts moto. Returns `None` where it is not installed.
    pub fn start() -> Option<Self> {
        let moto = Moto::start()?;
        let configuration = moto.configuration();
        Some(Self {
            s3: s3_client(&configuration),
            dynamodb: aws_sdk_dynamodb::Client::new(&configuration),
            ec2: aws_sdk_ec2::Client::new(&configuration),
            ssm: aws_sdk_ssm::Client::new(&configuration),
            quotas: aws_sdk_servicequotas::Client::new(&configuration),
            moto,
        })
    }

    /// Makes the bucket of a stack.
    pub async fn artifacts(&self, stack: &str) -> Artifacts {
        self.s3.create_bucket().bucket(stack).send().await.unwrap();
        Artifacts::new(self.s3.clone(), stack.to_owned())
    }

    /// Makes the table of a stack.
    pub async fn records(&self, stack: &str) -> Records {
        self.create_table(stack).await;
        Records::new(self.dynamodb.clone(), stack.to_owned())
    }

    /// Writes the SSM parameter with the id of one of moto's AMIs for x86_64.
    pub async fn put_ami(&self) {
        let images = self.ec2.describe_images().send().await.unwrap();
        let image =
            images.images().iter().find(|image| image.architecture().is_some_and(|arch| arch.as_str() == "x86_64"));
        let id = image.unwrap().image_id().unwrap();
        let put = self.ssm.put_parameter().name(AMI_PARAMETER).value(id).r#type(ParameterType::String);
        put.send().await.unwrap();
    }

    /// Gives the default VPC a way out, as every account's has.
    pub async fn put_way_out(&self) {
        let vpcs = self.ec2.describe_vpcs().send().await.unwrap();
        let vpc = vpcs.vpcs()[0].vpc_id().unwrap();
        let gateway = self.ec2.create_internet_gateway().send().await.unwrap().internet_gateway.unwrap();
        let gateway = gateway.internet_gateway_id().unwrap();
        self.ec2.attach_internet_gateway().vpc_id(vpc).internet_gateway_id(gateway).send().await.unwrap();
        let tables = self.ec2.describe_route_tables().send().await.unwrap();
        let route = self.ec2.create_route().route_table_id(tables.route_tables()[0].route_table_id().unwrap());
        route.destination_cidr_block("0.0.0.0/0").gateway_id(gateway).send().await.unwrap();
    }

    /// Makes a table as the template describes it.
    async fn create_table(&self, name: &str) {
        let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).unwrap();
        let template: Value = serde_yaml_ng::from_str(&template).unwrap();
        let table = &template["Resources"]["Table"]["Properties"];
        let attributes = list(&table["AttributeDefinitions"]).map(|attribute| {
            let kind = ScalarAttributeType::from(text(&attribute["AttributeType"]));
            let name = text(&attribute["AttributeName"]);
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
        });
        let indexes = list(&table["GlobalSecondaryIndexes"]).map(|index| {
            let projection = ProjectionType::from(text(&index["Projection"]["ProjectionType"]));
            GlobalSecondaryIndex::builder()
                .index_name(text(&index["IndexName"]))
                .set_key_schema(Some(keys(index)))
                .projection(Projection::builder().projection_type(projection).build())
                .build()
                .unwrap()
        });
        let request = self.dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        let request = request.set_attribute_definitions(Some(attributes.collect())).set_key_schema(Some(keys(table)));
        request.set_global_secondary_indexes(Some(indexes.collect())).send().await.unwrap();
    }
}

fn keys(holder: &Value) -> Vec<KeySchemaElement> {
    let key = |key: &Value| {
        let name = text(&key["AttributeName"]);
        KeySchemaElement::builder().attribute_name(name).key_type(text(&key["KeyType"]).into()).build().unwrap()
    };
    list(&holder["KeySchema"]).map(key).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_sequence().unwrap().iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
