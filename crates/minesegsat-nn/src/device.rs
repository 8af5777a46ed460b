//! Devices: [`parse_device`].

use burn::tensor::Device;

use crate::{Error, Result};

/// Forms of device names, for help texts.
pub const DEVICE_NAMES: &str = "cpu, cuda:N, vulkan:N, wgpu:N";

/// The device with a name: `cpu`; `cuda:1` for the second CUDA GPU; `vulkan:0` or `wgpu:0` for the first discrete GPU. Without a
/// number, the driver chooses the GPU.
///
/// Devices other than the CPU need a build with the feature of the same name.
pub fn parse_device(name: &str) -> Result<Device> {
    let refuse = |reason: String| Err(Error::Device { name: name.to_owned(), reason });
    let (kind, index) = match name.split_once(':') {
        None => (name, None),
        Some((kind, index)) => match index.parse::<usize>() {
            Ok(index) => (kind, Some(index)),
            Err(_) => return refuse(format!("`{index}` is not a device number; expected one of {DEVICE_NAMES}")),
        },
    };
    match (kind, index) {
        ("cpu", None | Some(0)) => Ok(Device::flex()),
        ("cpu", Some(_)) => refuse("there is one CPU device, `cpu`".to_owned()),
        #[cfg(feature = "cuda")]
        ("cuda", index) => Ok(Device::cuda(index.unwrap_or(0))),
        #[cfg(feature = "vulkan")]
        ("vulkan", index) => Ok(Device::vulkan(gpu(index))),
        #[cfg(feature = "wgpu")]
        ("wgpu", index) => Ok(Device::wgpu(gpu(index))),
        ("cuda" | "vulkan" | "wgpu", _) => {
            Err(Error::DeviceNotBuilt { name: name.to_owned(), feature: kind.to_owned() })
        }
        _ => refuse(format!("expected one of {DEVICE_NAMES}")),
    }
}

#[cfg(any(feature = "vulkan", feature = "wgpu"))]
fn gpu(index: Option<usize>) -> burn::tensor::DeviceKind {
    index.map_or(burn::tensor::DeviceKind::DefaultDevice, burn::tensor::DeviceKind::DiscreteGpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there() {
        assert_eq!(parse_device("cpu").unwrap(), Device::flex());
    }

    #[test]
    fn other_names_are_refused_with_what_is_accepted() {
        let message = |name| parse_device(name).unwrap_err().to_string();
        assert_eq!(message("gpu"), "device `gpu` is not available: expected one of cpu, cuda:N, vulkan:N, wgpu:N");
        assert_eq!(
            message("cuda:x"),
            "device `cuda:x` is not available: `x` is not a device number; expected one of cpu, cuda:N, vulkan:N, wgpu:N"
        );
        if !cfg!(feature = "cuda") {
            assert!(message("cuda:0").contains("built without the feature `cuda`"));
        }
    }
}
