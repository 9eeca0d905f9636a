# A release of consul: built on two machines that exist, packed on this one.

variable "version" {
  type    = string
  default = "1.22.0"
}
variable "host" {
  type    = string
  default = "127.0.0.1"
}
variable "port" {
  type    = number
  default = 22
}
variable "user" { type = string }
variable "key" { type = string }
variable "pins" { type = list(string) }

variable "token" {
  type      = string
  sensitive = true
  default   = env("RELEASE_TOKEN")
}

locals {
  login = {
    host             = var.host
    port             = var.port
    username         = var.user
    private_key_file = var.key
    host_key         = var.pins
  }
  work = "/tmp/consul-${var.version}"
}

source "null" "stable" { ssh = local.login }
source "null" "edge" { ssh = local.login }

build {
  sources = ["source.null.stable", "source.null.edge"]

  provisioner "shell" {
    name    = "prepare"
    timeout = "1m"
    inline  = ["rm -rf ${local.work}-stable", "mkdir -p ${local.work}-stable"]
    override = {
      edge = {
        inline = ["rm -rf ${local.work}-edge", "mkdir -p ${local.work}-edge"]
      }
    }
  }

  provisioner "file" {
    name        = "sources"
    only        = ["null.stable"]
    source      = "src/"
    destination = "${local.work}-stable/"
  }

  provisioner "file" {
    name        = "sources"
    only        = ["null.edge"]
    source      = "src/"
    destination = "${local.work}-edge/"
  }
  provisioner "shell" {
    name        = "smoke test"
    only        = ["null.edge"]
    max_retries = 2
    inline      = ["test -x ${local.work}-edge/configure", "echo edge is fine"]
  }

  provisioner "shell" {
    name        = "build"
    except      = ["null.edge"]
    max_retries = 1
    timeout     = "2m"
    script      = "build.sh"
    env = {
      VERSION = var.version
      WORK    = "${local.work}-stable"
      TOKEN   = var.token
    }
  }

  provisioner "file" {
    direction   = "download"
    only        = ["null.stable"]
    source      = "${local.work}-stable/consul"
    destination = "dist/consul"
  }

  provisioner "shell" {
    name   = "tidy up"
    inline = ["rm -rf ${local.work}-stable"]
    override = {
      edge = { inline = ["rm -rf ${local.work}-edge"] }
    }
  }

  post-processors {
    post-processor "artifice" {
      only  = ["null.stable"]
      files = ["dist/consul"]
    }
    post-processor "compress" {
      keep_input_artifact = true # the binary itself is wanted too
      output              = "dist/consul-${var.version}.tar.gz"
    }
    post-processor "shell-local" {
      inline = ["cp dist/consul-${var.version}.tar.gz releases/", "echo ${var.version} > releases/LATEST"]
    }
  }

  post-processor "manifest" { output = "dist/manifest.json" }
}
