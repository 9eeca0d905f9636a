// Package stdlib is the list of what imgc can build with. Each component is a folder of its own, with its
// schema beside its code; this package only names them.
//
// Start reading at Components.
package stdlib

import (
	"imgc/stdlib/artifice"
	"imgc/stdlib/aws"
	"imgc/stdlib/aws/ami"
	"imgc/stdlib/aws/ebs"
	"imgc/stdlib/aws/parameter"
	"imgc/stdlib/aws/secret"
	"imgc/stdlib/checksum"
	"imgc/stdlib/component"
	"imgc/stdlib/compress"
	"imgc/stdlib/download"
	"imgc/stdlib/file"
	"imgc/stdlib/http"
	"imgc/stdlib/manifest"
	"imgc/stdlib/null"
	"imgc/stdlib/oci"
	"imgc/stdlib/rootfs"
	"imgc/stdlib/shell"
	"imgc/stdlib/shelllocal"
	"imgc/stdlib/ssh"
	"imgc/stdlib/upload"
)

// Components lists every component there is; those of AWS work in a cloud. A new one is a line here.
func Components(cloud *aws.Cloud) []component.Component {
	return []component.Component{
		file.Component(),
		rootfs.New(),
		null.New(),

		shell.Component(),
		shelllocal.Provisioner(),
		upload.Component(),
		download.Component(),

		artifice.Component(),
		compress.Component(),
		checksum.Component(),
		manifest.Component(),
		shelllocal.Post(),
		oci.New(),

		http.Component(),

		ebs.Component(cloud),
		ami.Component(cloud),
		parameter.Plain(cloud),
		parameter.Secret(cloud),
		secret.Component(cloud),
	}
}

// Schemas gives the text of every schema file by a name for messages: those of the components, and those that only
// declare types which several of them share. A file that declares several components is there once.
func Schemas() map[string]string {
	out := map[string]string{"stdlib/ssh/schema.imgc": ssh.Schema, "stdlib/aws/schema.imgc": aws.Schema}
	seen := map[string]bool{}
	for _, c := range Components(nil) {
		if !seen[c.Schema] {
			seen[c.Schema] = true
			out["stdlib/"+c.Name+"/schema.imgc"] = c.Schema
		}
	}
	return out
}
