//! Compiles the `.proto` files in Rust alone: no `protoc` is needed.

use std::{env, error::Error, fs, path::Path};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors =
        protox::compile(["asterism/admin/v1/admin.proto", "asterism/admin/v1/error.proto"], ["proto"])?;
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("asterism.bin"), descriptors.encode_to_vec())?;
    // Whose `Debug` is in the library, and says nothing.
    let hidden = ["asterism.admin.v1.Secret"];
    tonic_prost_build::configure().btree_map(".").skip_debug(hidden).compile_fds(descriptors)?;
    Ok(())
}
