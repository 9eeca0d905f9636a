package rehearsal

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"golang.org/x/crypto/ssh"
)

// key is a key pair; its ID is that of EC2, and it is found by its name.
type key struct {
	base
	Name   string `json:"name"`
	Public string `json:"public"` // in the form of authorized_keys
	Kind   string `json:"kind"`
	Print  string `json:"fingerprint"`
}

func (rq *request) key(name string) (*key, error) {
	for _, k := range rq.c.data.Keys {
		if k.Name == name && rq.visible(k.base) {
			return k, nil
		}
	}
	return nil, failure("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", name)
}

// addKey makes a key pair: a new one, or one whose public key is imported.
func addKey(imported bool) action {
	return func(rq *request) ([]any, error) {
		tags, err := rq.specified("key-pair")
		if err != nil {
			return nil, err
		}
		name := rq.str("KeyName")
		if err := rq.creating(tags, target{arn: rq.arn("key-pair", name), request: tags["key-pair"]}); err != nil {
			return nil, err
		}
		if name == "" || len(name) > 255 {
			return nil, failure("InvalidParameterValue", "Key pair names have 1 to 255 characters")
		}
		for _, k := range rq.c.data.Keys {
			if k.Region == rq.region && k.Name == name {
				return nil, failure("InvalidKeyPair.Duplicate", "The keypair '%s' already exists.", name)
			}
		}
		k := &key{base: rq.c.base(rq.region, "key", rq.now, tags["key-pair"]), Name: name, Kind: or(rq.str("KeyType"), "rsa")}
		material := ""
		if imported {
			text, err := base64.StdEncoding.DecodeString(rq.str("PublicKeyMaterial"))
			if err != nil {
				return nil, failure("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
			}
			k.Public = string(text)
		} else if material, k.Public, err = newKey(k.Kind); err != nil {
			return nil, err
		}
		pub, _, _, _, err := ssh.ParseAuthorizedKey([]byte(k.Public))
		if err != nil {
			return nil, failure("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
		}
		k.Print = strings.TrimPrefix(ssh.FingerprintSHA256(pub), "SHA256:")
		rq.c.data.Keys[k.ID] = k
		return []any{node("keyName", k.Name), node("keyPairId", k.ID), node("keyFingerprint", k.Print), node("keyMaterial", material), tagSet(k.Tags)}, nil
	}
}

func newKey(kind string) (private, public string, err error) {
	var secret any
	var pub any
	switch kind {
	case "ed25519":
		pub, secret, err = ed25519.GenerateKey(rand.Reader)
	case "rsa":
		var k *rsa.PrivateKey
		if k, err = rsa.GenerateKey(rand.Reader, 2048); err == nil {
			block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})
			p, err := ssh.NewPublicKey(&k.PublicKey)
			if err != nil {
				return "", "", err
			}
			return string(block), string(ssh.MarshalAuthorizedKey(p)), nil
		}
	default:
		return "", "", failure("InvalidParameterValue", "Invalid value '%s' for keyType. Valid values: rsa, ed25519", kind)
	}
	if err != nil {
		return "", "", err
	}
	block, err := ssh.MarshalPrivateKey(secret.(ed25519.PrivateKey), "")
	if err != nil {
		return "", "", err
	}
	p, err := ssh.NewPublicKey(pub)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(block)), string(ssh.MarshalAuthorizedKey(p)), nil
}

func deleteKeyPair(rq *request) ([]any, error) {
	name := rq.str("KeyName")
	var found *key
	for _, k := range rq.c.data.Keys {
		if k.Region == rq.region && (k.Name == name && name != "" || k.ID == rq.str("KeyPairId")) {
			found = k
			name = k.Name
		}
	}
	t := target{arn: rq.arn("key-pair", name)}
	if found != nil {
		t.tags = found.Tags
	}
	if err := rq.allow(t); err != nil {
		return nil, err
	}
	if found != nil { // EC2 says yes to a key that is not there
		delete(rq.c.data.Keys, found.ID)
	}
	return ok, nil
}

func describeKeyPairs(rq *request) ([]any, error) {
	found, next, err := list(rq, listing[*key]{all: rq.c.data.Keys, ids: "KeyName", find: rq.key, id: func(k *key) string { return k.Name }, field: func(k *key, name string) ([]string, bool) {
		return []string{k.Name}, name == "key-name"
	}})
	if err != nil {
		return nil, err
	}
	var out []el
	for _, k := range found {
		out = append(out, node("item", node("keyPairId", k.ID), node("keyName", k.Name), node("keyType", k.Kind), node("keyFingerprint", k.Print), tagSet(k.Tags)))
	}
	return []any{items("keySet", out), next}, nil
}
